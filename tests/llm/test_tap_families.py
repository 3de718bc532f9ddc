"""The tap on a tiny model of each family, against what the library returns itself, and by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from grokscope.llm.pathways import Pathways
from grokscope.llm.router import Router
from grokscope.llm.tap import RouterTap
from llm.families import D_MODEL, D_VOCAB, FAMILIES, N_EXPERTS, TOP_K, Family
from reference.pathways import (
    identity,
    pathways,
    sigmoid_topk,
    softmax,
    sparse_mixer,
    topk_softmax,
)

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
isolating = pytest.mark.parametrize(
    "family",
    [
        pytest.param(
            family,
            id=family.name,
            marks=[pytest.mark.xfail(reason=family.crosses)] * bool(family.crosses),
        )
        for family in FAMILIES
    ],
)
IDS = torch.randint(3, D_VOCAB, (2, 7), generator=torch.Generator().manual_seed(1))
ALL = torch.ones_like(IDS)


def measured(model: torch.nn.Module, tap: RouterTap, **inputs: Any) -> Pathways:
    """Of one forward; each row is a sample unless positions say otherwise."""
    whose = {name: inputs[name] for name in ("attention_mask", "position_ids") if name in inputs}
    with torch.no_grad(), tap.record(**whose) as recording:
        model(**inputs)
    assert recording.problems == ()
    return recording.pathways()


def weigher(family: Family, model: torch.nn.Module, router: Router) -> Callable[[list], list]:
    """The family's routing weights from one row of logits, written from its definition."""
    if family.scoring == "softmax":
        return softmax
    if family.scoring == "topk_softmax":
        return lambda row: topk_softmax(row, TOP_K)
    if family.scoring == "probabilities":
        return identity
    if family.name == "Phimoe":
        return lambda row: sparse_mixer(row, model.config.router_jitter_noise)
    if family.name == "DeepseekV4":  # the square root of softplus, and no groups
        return lambda row: _scored(row, router.module)
    k = model.config.num_experts_per_tok
    groups = getattr(router.module, "num_group", 1), getattr(router.module, "topk_group", 1)
    return lambda row: sigmoid_topk(row, k, _bias(model, router), *groups)


def _bias(model: torch.nn.Module, router: Router) -> list[float]:
    """The correction bias that a router chooses with, in its module or in the one around it."""
    block = router.name.rpartition(".")[0]
    for name, tensor in [*model.named_buffers(), *model.named_parameters()]:
        if name.startswith(block) and name.endswith(("correction_bias", "expert_bias")):
            return tensor.tolist()
    return [0.0] * N_EXPERTS


def _scored(row: list[float], router: torch.nn.Module) -> list[float]:
    scores = [float(torch.nn.functional.softplus(torch.tensor(z)).sqrt()) for z in row]
    choice = [s + float(b) for s, b in zip(scores, router.e_score_correction_bias, strict=True)]
    kept = sorted(range(len(row)), key=lambda i: choice[i], reverse=True)[:TOP_K]
    return [s / sum(scores[j] for j in kept) if i in kept else 0.0 for i, s in enumerate(scores)]


@every_family
def test_routers_are_found_with_their_scoring(family: Family):
    with RouterTap(family.make()) as tap:
        assert len(tap.routers) == family.routers
        assert {router.scoring for router in tap.routers} == {family.scoring}
        assert {router.experts for router in tap.routers} == {N_EXPERTS}


@every_family
def test_pathways_are_those_of_the_official_logits(family: Family):
    model = family.make()
    with RouterTap(model) as tap:
        raw: dict[str, torch.Tensor] = {}
        for router in tap.routers:
            router.module.register_forward_hook(_keep(raw, router))
        with torch.no_grad(), tap.record(attention_mask=ALL) as recording:
            official = model(input_ids=IDS, attention_mask=ALL, output_router_logits=True)
        found = recording.pathways()
    logits = [raw[router.name].reshape(-1, N_EXPERTS) for router in tap.routers]
    theirs = [one.reshape(-1, N_EXPERTS) for one in official.router_logits]
    for ours in logits:
        assert sum(torch.equal(ours, one) for one in theirs) == 1
    samples = [0] * 7 + [1] * 7
    for ours, router, weights in zip(logits, tap.routers, found.weights, strict=True):
        weigh = weigher(family, model, router)
        (expected,) = pathways([ours.tolist()], samples, 2, weigh)
        np.testing.assert_allclose(weights, expected, atol=2e-6)
    np.testing.assert_allclose(found.weights.sum(-1), 1, atol=1e-6)
    assert found.tokens.tolist() == [7, 7]


def _keep(raw: dict[str, torch.Tensor], router: Router) -> Callable[..., None]:
    def hook(module: Any, args: Any, output: Any) -> None:
        raw[router.name] = output if isinstance(output, torch.Tensor) else output[router.output]

    return hook


@every_family
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_does_not_change_the_pathway(
    family: Family, side: str, request: pytest.FixtureRequest
):
    if side == "left" and family.pools:
        request.applymarker(pytest.mark.xfail(reason=family.pools))
    model = family.make()
    short = IDS[1:, :4]
    pad = torch.zeros(1, 3, dtype=torch.long)
    row = torch.cat([pad, short] if side == "left" else [short, pad], 1)
    mask = (row != 0).long()
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with RouterTap(model) as tap:
        alone = measured(model, tap, input_ids=short, attention_mask=ALL[:1, :4])
        whole = measured(model, tap, input_ids=IDS[:1], attention_mask=ALL[:1])
        with torch.no_grad(), tap.record(attention_mask=torch.cat([ALL[:1], mask])) as recording:
            model(
                input_ids=torch.cat([IDS[:1], row]),
                attention_mask=torch.cat([ALL[:1], mask]),
                position_ids=torch.cat([torch.arange(7)[None], positions]),
            )
    both = recording.pathways()
    assert both.tokens.tolist() == [7, 4]
    np.testing.assert_allclose(both.weights[:, 1:], alone.weights, atol=1e-5)
    np.testing.assert_allclose(both.weights[:, :1], whole.weights, atol=1e-5)


@isolating
def test_packed_documents_have_the_pathways_of_separate_ones(family: Family):
    model = family.make()
    packed = torch.cat([IDS[:1], IDS[1:, :4]], 1)
    positions = torch.cat([torch.arange(7), torch.arange(4)])[None]
    with RouterTap(model) as tap:
        first = measured(model, tap, input_ids=IDS[:1], attention_mask=ALL[:1])
        second = measured(model, tap, input_ids=IDS[1:, :4], attention_mask=ALL[:1, :4])
        both = measured(model, tap, input_ids=packed, position_ids=positions, use_cache=False)
    assert both.tokens.tolist() == [7, 4]
    np.testing.assert_allclose(both.weights[:, :1], first.weights, atol=1e-5)
    np.testing.assert_allclose(both.weights[:, 1:], second.weights, atol=1e-5)


@every_family
def test_the_gain_is_what_the_norm_in_front_multiplies_by(family: Family):
    model = family.make()
    router = RouterTap(model).routers[-1]
    gain = router.gain()
    assert (gain is not None) == family.has_gain
    if gain is None:
        return
    seen: dict[str, torch.Tensor] = {}
    own = getattr(router.module, "proj", None)  # Gemma's router scales after a norm of its own
    before = router.norm if own is None else router.module.norm
    before.register_forward_pre_hook(lambda _, args: seen.update(stream=args[0]))
    (own or router.module).register_forward_pre_hook(lambda _, args: seen.update(read=args[0]))
    with torch.no_grad():
        model(input_ids=IDS, attention_mask=ALL)
    stream = seen["stream"].reshape(-1, len(gain)).double()
    if isinstance(before, torch.nn.LayerNorm):
        stream = stream - stream.mean(-1, keepdim=True)
    normal = stream / stream.pow(2).mean(-1, keepdim=True).sqrt()
    shift = getattr(before, "bias", None)
    expected = seen["read"].reshape(-1, len(gain)) - (0 if shift is None else shift)
    torch.testing.assert_close((normal * gain).float(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["Olmoe", "GptOss", "MiniMaxM2", "Gemma4", "Llama4"])
def test_an_edited_row_changes_the_pathway_as_computed_by_hand(name: str):
    family = next(one for one in FAMILIES if one.name == name)
    model = family.make()
    with RouterTap(model) as tap:
        router = tap.routers[0]
        matrix = router.module.proj if name == "Gemma4" else router.module
        seen: list[torch.Tensor] = []
        matrix.register_forward_pre_hook(lambda _, args: seen.append(args[0].reshape(-1, D_MODEL)))
        before = measured(model, tap, input_ids=IDS, attention_mask=ALL)
        row = torch.linspace(-1, 1, D_MODEL)
        with torch.no_grad():
            matrix.weight[3] = row
        after = measured(model, tap, input_ids=IDS, attention_mask=ALL)
        logits = seen[0] @ torch.cat([router.rows()[:3], row[None], router.rows()[4:]]).T
        if getattr(matrix, "bias", None) is not None:
            logits = logits + matrix.bias
        weigh = softmax if name == "Gemma4" else weigher(family, model, router)
        expected = pathways([logits.tolist()], [0] * 7 + [1] * 7, 2, weigh)
    assert torch.equal(router.rows()[3], row)
    np.testing.assert_allclose(after.weights[:1], expected, atol=2e-6)
    assert np.abs(after.weights[0] - before.weights[0]).max() > 0.01


def test_packed_documents_are_told_apart_where_the_model_mixes_them_too():
    family = next(one for one in FAMILIES if one.name == "Jamba")
    model = family.make()
    positions = torch.cat([torch.arange(3), torch.arange(4)])[None].expand(2, 7)
    with RouterTap(model) as tap:
        found = measured(model, tap, input_ids=IDS, position_ids=positions)
        with torch.no_grad():
            official = model(input_ids=IDS, position_ids=positions, output_router_logits=True)
    samples = [0] * 3 + [1] * 4 + [2] * 3 + [3] * 4
    expected = pathways([one.tolist() for one in official.router_logits], samples, 4, softmax)
    np.testing.assert_allclose(found.weights, expected, atol=2e-6)
