"""Routers found, named, and refused."""

import sys
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from grokscope.core.errors import GrokscopeError, MissingExtraError, SettingError, UsageError
from grokscope.llm.router import find_routers
from grokscope.llm.scoring import require_scoring
from llm.families import COMMON, D_MODEL, FAMILIES, N_EXPERTS


def made(name: str) -> Any:
    return next(family for family in FAMILIES if family.name == name).make()


def names(model: nn.Module, *arguments: Any) -> list[str]:
    return [router.name for router in find_routers(model, *arguments)]


class Wrapper(nn.Module):
    """A library's model inside another module."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner


def test_a_model_inside_another_module_is_found():
    assert names(Wrapper(made("Olmoe"))) == [
        "inner.model.layers.0.mlp.gate",
        "inner.model.layers.1.mlp.gate",
    ]


def test_names_do_not_depend_on_the_wrapper_of_compilation():
    model = made("Olmoe")
    assert names(torch.compile(model, backend="eager")) == names(model)


def test_dense_first_layers_have_no_router():
    assert names(made("DeepseekV3")) == ["model.layers.1.mlp.gate"]


def test_layers_that_route_by_a_hash_are_left_out_even_if_named():
    model = made("DeepseekV4")
    assert names(model) == names(model, r"mlp\.gate$") == ["model.layers.1.mlp.gate"]
    assert "must name routers" in said(UsageError, model, ["model.layers.0.mlp.gate"])


def test_routers_of_attention_are_taken_only_if_named():
    model = made("JetMoe")
    assert names(model) == ["model.layers.0.mlp.router", "model.layers.1.mlp.router"]
    of_attention = names(model, "attention")
    assert of_attention == [f"model.layers.{i}.self_attention.experts.router" for i in (0, 1)]
    assert sorted(names(model, ".")) == sorted(names(model) + of_attention)


def test_names_choose_layers():
    model = made("Olmoe")
    assert names(model, ["model.layers.1.mlp.gate"]) == ["model.layers.1.mlp.gate"]
    assert names(model, r"layers\.0\.") == ["model.layers.0.mlp.gate"]


def test_a_router_knows_its_experts_and_their_embeddings():
    model = made("Olmoe")
    router = find_routers(model)[1]
    assert (router.experts, router.top_k, router.output) == (N_EXPERTS, 2, 0)
    assert torch.equal(router.rows(), model.model.layers[1].mlp.gate.weight)
    assert torch.equal(router.rows(), router.rows().detach())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_rows_are_in_every_family(family: Any):
    for router in find_routers(family.make()):
        assert router.rows().shape == (N_EXPERTS, D_MODEL)
        assert router.rows().dtype == torch.float32


def test_the_gain_of_a_norm_that_counts_from_0_counts_from_1():
    model = made("Qwen3Next")
    gain = find_routers(model)[0].gain()
    assert gain is not None
    weight = model.model.layers[0].post_attention_layernorm.weight
    torch.testing.assert_close(gain, 1 + weight.detach(), rtol=1e-4, atol=1e-4)


def said(caught: type[GrokscopeError], *arguments: Any, **named: Any) -> str:
    with pytest.raises(caught) as error:
        find_routers(*arguments, **named)
    return str(error.value)


def test_a_dense_model_is_refused():
    config = transformers.LlamaConfig(**{**COMMON, "num_experts": None})
    assert said(UsageError, transformers.LlamaForCausalLM(config)) == (
        "LlamaForCausalLM has no router: no module that transformers records as `router_logits`. "
        "It is dense, or its routers must be named in `modules`."
    )


def test_modules_that_are_not_there_are_refused():
    model = nn.Sequential(nn.Linear(2, 3))
    assert said(UsageError, model, "gate") == (
        "`modules` must name routers, got 'gate': Sequential has none of that name."
    )
    assert said(SettingError, model, ["0", "gate"]) == (
        "`modules` must be names of modules of the model, got 'gate'."
    )


def test_routers_of_different_sizes_are_refused():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4), nn.Linear(4, 4))
    assert said(UsageError, model, ["0", "1", "2"]) == (
        "`modules` must name routers with one number of experts, got 3 (0), 4 (1, …)."
    )


def test_a_module_of_unknown_size_is_refused():
    says = said(UsageError, nn.Sequential(nn.ReLU()), ["0"])
    assert says.startswith("`0` does not say how many experts there are")


def test_a_kind_that_needs_top_k_is_refused_without_it():
    model = nn.Sequential(nn.Linear(2, 4))
    says = said(UsageError, model, ["0"], scoring="topk_softmax")
    assert says == "`0` does not say how many experts a token gets: it has no `top_k`."


def test_an_unknown_kind_is_refused():
    with pytest.raises(SettingError) as error:
        require_scoring("hardmax")
    assert str(error.value) == (
        "`scoring` must be one of softmax, topk_softmax, kept, sigmoid, probabilities, got "
        "'hardmax'."
    )


def test_without_transformers_modules_must_be_named(monkeypatch: pytest.MonkeyPatch):
    model = nn.Sequential(nn.Linear(2, 4))
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert said(MissingExtraError, model).startswith("`transformers` is not installed")
    assert names(model, ["0"]) == ["0"]


def test_importing_the_tap_imports_no_transformers():
    import subprocess

    script = "import sys, grokscope.llm.tap; print('transformers' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
