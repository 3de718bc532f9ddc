"""Routing weights of each kind, and the kind of every router that the library has."""

import importlib
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grokscope.llm.scoring import (
    are_distributions,
    disagree,
    kept_weights,
    own_weights,
    recorded,
    scoring_of,
    sigmoid_weights,
    topk_softmax_weights,
)
from reference.pathways import sigmoid_topk, topk_softmax

rows = st.lists(
    st.lists(st.floats(-5, 5, width=32), min_size=6, max_size=6), min_size=1, max_size=4
)


def tensor(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def drawn(n: int = 5, experts: int = 6) -> torch.Tensor:
    return torch.randn(n, experts, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("k", [1, 2, 6])
def test_a_softmax_of_the_kept_is_that_of_its_definition(k: int):
    logits = drawn()
    expected = tensor([topk_softmax(row, k) for row in logits.tolist()])
    torch.testing.assert_close(topk_softmax_weights(logits, k), expected)


@pytest.mark.parametrize("k", [1, 2, 6])
def test_sigmoids_of_the_kept_are_chosen_with_the_bias_and_weighed_without(k: int):
    logits, bias = drawn(), tensor([0.5, 0, 0, -0.5, 0, 0.9])
    expected = tensor([sigmoid_topk(row, k, bias.tolist()) for row in logits.tolist()])
    torch.testing.assert_close(sigmoid_weights(logits, k, bias), expected)


@given(rows, st.integers(1, 6))
def test_weights_are_distributions(values: list[list[float]], k: int):
    logits = tensor(values)
    indices = logits.topk(k).indices
    for weights in (
        topk_softmax_weights(logits, k),
        sigmoid_weights(logits, k, None),
        kept_weights((logits.sigmoid().gather(-1, indices) * 2.5, indices), 6),
    ):
        assert are_distributions(weights)
        assert ((weights > 0).sum(-1) <= k).all()


def test_a_token_sent_nowhere_has_no_weights():
    indices = torch.tensor([[0, 1]])
    assert kept_weights((torch.zeros(1, 2), indices), 4).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_probabilities_are_told_from_logits(dtype: torch.dtype):
    logits = drawn(50, 64).to(dtype)
    assert are_distributions(logits.softmax(-1))
    assert not are_distributions(logits)
    assert not are_distributions(logits.sigmoid())
    assert not are_distributions(torch.zeros_like(logits))
    assert not are_distributions(torch.full_like(logits, torch.nan))


def test_one_row_that_is_no_distribution_is_enough():
    raw = drawn(50).softmax(-1)
    raw[17] *= 1.01
    assert not are_distributions(raw)


def test_weights_that_are_a_softmax_up_to_a_factor_agree_with_it():
    probabilities = drawn(50).softmax(-1)
    weights, indices = probabilities.topk(2)
    for scale in (1, 2.5, weights.sum(-1, keepdim=True).reciprocal()):
        assert not disagree(probabilities, (weights * scale, indices))
    assert not disagree(probabilities, ((weights * 2.5).bfloat16(), indices))
    assert disagree(probabilities, (drawn(50).gather(-1, indices).sigmoid(), indices))


class Every:
    """A configuration in which every size is small, whatever its name."""

    VALUES: ClassVar = {
        "hidden_size": 16,
        "hidden_dim": 16,
        "num_experts": 8,
        "num_local_experts": 8,
        "n_routed_experts": 8,
        "moe_num_experts": 8,
        "num_experts_per_tok": 2,
        "top_k_experts": 2,
        "moe_topk": 2,
        "n_group": 2,
        "topk_group": 1,
        "n_shared_experts": 1,
        "zero_expert_num": 2,
        "router_hidden_size": 8,
        "expert_capacity": 64,
        "norm_topk_prob": True,
        "use_expert_bias": True,
        "router_bias": False,
        "router_ignore_padding_tokens": False,
        "normalize_router_prob_before_dropping": False,
        "batch_prioritized_routing": False,
        "moe_eval_capacity_token_fraction": 1.0,
        "second_expert_policy": "all",
        "router_dtype": "float32",
        "topk_method": "greedy",
        "scoring_func": "sigmoid",
        "expert_selection_fn": "softmax",
        "routed_scaling_factor": 2.5,
        "router_scaling_factor": 2.5,
        "route_scale": 2.5,
        "output_multiplier": 1.0,
        "moe_router_logit_softcapping": 0.0,
        "router_jitter_noise": 0.01,
        "input_jitter_noise": 0.01,
        "moe_jitter_eps": None,
        "moe_norm_min": 1e-12,
        "rms_norm_eps": 1e-6,
    }

    def __getattr__(self, name: str) -> Any:
        if name in self.VALUES:
            return self.VALUES[name]
        raise AttributeError(name)


def routers() -> dict[type[nn.Module], int]:
    """Every class of routers that the library declares, with the place of its logits."""
    import transformers

    found: dict[type[nn.Module], int] = {}
    for path in sorted(Path(transformers.__file__).parent.glob("models/*/modeling_*.py")):
        if '"router_logits":' not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(f"transformers.models.{path.parent.name}.{path.stem}")
        for kind in vars(module).values():
            declared = getattr(kind, "_can_record_outputs", None) or {}
            some = declared.get("router_logits", [])
            for one in some if isinstance(some, list) else [some]:
                found[one.target_class] = one.index
    return found


def made(kind: type[nn.Module]) -> nn.Module:
    needs = inspect.signature(kind).parameters
    router = kind(16, 8, 2) if "top_k" in needs else kind(Every(), *[1] * ("layer_idx" in needs))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in router.parameters():
            weight.normal_(0, 0.5, generator=generator)
    return router.eval()


BLOCKS = ("DogeCDMoE", "Ernie4_5_VLMoeMoeBlock")
"""Whole layers, not routers: they need whole configurations, and return no weights."""


def test_the_kind_found_for_every_router_of_the_library_gives_the_weights_that_it_gives():
    checked = SimpleNamespace(kinds={}, own=0)
    for kind, index in routers().items():
        if kind.__name__ in BLOCKS:
            continue
        router = made(kind)
        scoring = scoring_of(router, index)
        arguments = inspect.signature(router.forward).parameters
        biases = {name: drawn(1, 8)[0] / 10 for name in arguments if name.endswith("_bias")}
        x = drawn(15, 16) if kind.__name__ != "ZayaRouter" else drawn(15, 16)[None]
        if kind.__name__.startswith(("Afmoe", "Switch")):
            x = x[None]
        output = router(x, **biases)
        raw = recorded(output, index).reshape(15, -1)
        own = own_weights(output, index, 15)
        weights = {
            "softmax": lambda raw=raw: raw.softmax(-1),
            "topk_softmax": lambda raw=raw: topk_softmax_weights(raw, 2),
            "kept": lambda raw=raw, own=own: kept_weights(own, raw.shape[-1]),
            "sigmoid": lambda raw=raw: sigmoid_weights(raw, 2, None),
            "probabilities": lambda raw=raw: raw,
        }[scoring]()
        assert are_distributions(weights), kind
        assert bool(are_distributions(raw)) == (scoring == "probabilities"), kind
        if own is not None:
            checked.own += 1
            assert not disagree(weights, own), kind
        checked.kinds.setdefault(scoring, []).append(kind.__name__)
    assert len(checked.kinds) == 5
    assert checked.own >= 60
