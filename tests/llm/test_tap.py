"""What the tap does while a model trains, is compiled, is checkpointed, and goes wrong."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from grokscope.core.errors import SettingError, UsageError
from grokscope.llm.tap import RouterTap
from llm.families import D_VOCAB, FAMILIES, checkpoint

OLMOE = FAMILIES[0]
IDS = torch.randint(3, D_VOCAB, (4, 6), generator=torch.Generator().manual_seed(2))
ALL = torch.ones_like(IDS)


class Toy(nn.Module):
    """Two gates and nothing of any library: what a gate says is what is under test."""

    def __init__(self, experts: tuple[int, int] = (4, 4)) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(D_VOCAB, 8)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"gate": nn.Linear(8, n), "mix": nn.Linear(n, 8)}) for n in experts
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """A stream that each block adds to."""
        x = self.embed(ids)
        for block in self.blocks:
            x = x + block["mix"](block["gate"](x).softmax(-1))
        return x


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def weights_of(tap: RouterTap, model: nn.Module, ids: torch.Tensor = IDS) -> np.ndarray:
    with torch.no_grad(), tap.record(attention_mask=torch.ones_like(ids)) as recording:
        model(ids)
    assert recording.problems == ()
    return recording.pathways().weights


def test_named_modules_of_any_model_are_tapped():
    toy = Toy()
    with RouterTap(toy, r"\.gate$") as tap:
        found = weights_of(tap, toy)
    first = toy.blocks[0]["gate"](toy.embed(IDS)).softmax(-1).mean(1)
    assert [router.name for router in tap.routers] == ["blocks.0.gate", "blocks.1.gate"]
    np.testing.assert_allclose(found[0], first.detach(), atol=1e-6)


def test_no_hook_is_left_after_detaching():
    model = OLMOE.make()
    assert hooks(model) == 0
    with RouterTap(model):
        assert hooks(model) == 2
    assert hooks(model) == 0


def test_a_detached_tap_records_no_more():
    tap = RouterTap(Toy(), "gate")
    tap.detach()
    with pytest.raises(UsageError, match="detached"), tap.record(attention_mask=ALL):
        pass


def test_nothing_adds_up_outside_of_recordings():
    toy = Toy()
    with RouterTap(toy, "gate") as tap:
        with tap.record(attention_mask=ALL) as recording:
            toy(IDS)
        before = recording.pathways()
        toy(IDS.flip(0))
        after = recording.pathways()
    assert np.array_equal(before.weights, after.weights)
    assert after.tokens.tolist() == [6] * 4


def test_one_recording_at_a_time():
    tap = RouterTap(Toy(), "gate")
    with tap.record(samples=1), pytest.raises(UsageError, match="already"), tap.record(samples=1):
        pass
    with tap.record(samples=1):
        pass


def test_forwards_of_one_recording_add_up():
    toy = Toy()
    with RouterTap(toy, "gate") as tap:
        whole = weights_of(tap, toy)
        with tap.record(samples=4) as recording:
            for part in (0, 2):
                rows = torch.arange(part, part + 2)[:, None].expand(2, 6)
                recording.batch(segments=rows)
                toy(IDS[part : part + 2])
        np.testing.assert_array_equal(recording.pathways().weights, whole)
        with tap.record(samples=1) as recording:
            for column in (slice(0, 2), slice(2, 6)):
                recording.batch(attention_mask=ALL[:1, column])
                toy(IDS[:1, column])
        np.testing.assert_allclose(recording.pathways().weights, whole[:, :1], atol=1e-6)
        assert recording.pathways().tokens.tolist() == [6]


def test_samples_without_tokens_are_nan_and_those_not_followed_count_for_nothing():
    toy = Toy()
    followed = torch.tensor([2, -1, 0, -1])[:, None].expand(4, 6)
    with RouterTap(toy, "gate") as tap:
        whole = weights_of(tap, toy)
        with tap.record(segments=followed, samples=4) as recording:
            toy(IDS)
    pathways = recording.pathways()
    assert pathways.tokens.tolist() == [6, 0, 6, 0]
    assert np.isnan(pathways.weights[:, [1, 3]]).all()
    np.testing.assert_array_equal(pathways.weights[:, [2, 0]], whole[:, [0, 2]])


def test_training_with_a_tap_takes_the_same_steps():
    def trained(*, is_tapped: bool) -> torch.Tensor:
        model = OLMOE.make().train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        tap = RouterTap(model) if is_tapped else None
        for _ in range(3):
            optimizer.zero_grad()
            if tap is None:
                loss = model(input_ids=IDS, labels=IDS).loss
            else:
                with tap.record(attention_mask=ALL):
                    loss = model(input_ids=IDS, labels=IDS).loss
            loss.backward()
            optimizer.step()
        return torch.cat([one.detach().flatten() for one in model.parameters()])

    assert torch.equal(trained(is_tapped=True), trained(is_tapped=False))


@pytest.mark.parametrize("is_reentrant", [True, False])
def test_checkpointed_forwards_count_once(is_reentrant: bool):
    plain, calls = OLMOE.make().train(), []
    with RouterTap(plain) as tap, tap.record(attention_mask=ALL) as expected:
        plain(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
    model = OLMOE.make().train()
    checkpoint(model, is_reentrant=is_reentrant)
    with RouterTap(model) as tap:
        tap.routers[0].module.register_forward_hook(lambda *_: calls.append(1))
        with tap.record(attention_mask=ALL) as recording:
            model(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
    assert len(calls) == 2, "nothing was computed again"
    assert recording.pathways().tokens.tolist() == [6] * 4
    assert np.array_equal(recording.pathways().weights, expected.pathways().weights)


def test_inference_mode_and_a_recording_opened_outside_of_it():
    toy = Toy()
    with RouterTap(toy, "gate") as tap:
        expected = weights_of(tap, toy)
        with tap.record(attention_mask=ALL) as recording, torch.inference_mode():
            toy(IDS)
        assert np.array_equal(recording.pathways().weights, expected)
        with torch.inference_mode(), tap.record(attention_mask=ALL) as recording:
            toy(IDS)
        toy(IDS)
        assert np.array_equal(recording.pathways().weights, expected)
        assert np.array_equal(weights_of(tap, toy), expected)


def test_half_precision_adds_up_in_single():
    model = OLMOE.make().to(torch.bfloat16)
    with RouterTap(model) as tap:
        found = weights_of(tap, model)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)


def test_a_router_that_returns_probabilities_is_not_put_through_a_softmax_twice():
    model = OLMOE.make()
    with RouterTap(model) as tap:
        expected = weights_of(tap, model)
    for layer in model.model.layers:  # transformers issue 45120
        layer.mlp.gate.register_forward_hook(
            lambda _, args, output: (output[0].softmax(-1), *output[1:])
        )
    with RouterTap(model) as tap:
        np.testing.assert_allclose(weights_of(tap, model), expected, atol=1e-6)
    with RouterTap(model.to(torch.bfloat16)) as tap:
        np.testing.assert_allclose(weights_of(tap, model), expected, atol=0.05)


def test_logits_that_once_were_no_probabilities_never_are():
    class Passes(nn.Module):
        num_experts = 2

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    model = nn.Sequential(Passes())
    with RouterTap(model, ["0"]) as tap:
        for logits in ([[-1.0, 2.0]], [[0.25, 0.75]]):
            with tap.record(attention_mask=torch.ones(1, 1)) as recording:
                model(torch.tensor(logits))
    expected = torch.tensor([0.25, 0.75]).softmax(0)
    np.testing.assert_allclose(recording.pathways().weights[0, 0], expected, atol=1e-6)


def test_what_is_not_finite_marks_its_sample_and_names_the_layer():
    toy = Toy()
    with torch.no_grad():
        toy.embed.weight[IDS[1, 3]] = torch.nan
    ids = IDS.clone()
    others = [0, 2, 3]
    ids[others] = torch.where(ids[others] == IDS[1, 3], ids[others] * 0, ids[others])
    with RouterTap(toy, "gate") as tap, tap.record(attention_mask=ALL) as recording:
        toy(ids)
    weights = recording.pathways().weights
    assert np.isnan(weights[:, 1]).all()
    assert np.isfinite(weights[:, others]).all()
    assert [problem.split(":")[0] for problem in recording.problems] == [
        "`blocks.0.gate`",
        "`blocks.1.gate`",
    ]


def test_a_sample_of_which_some_experts_are_not_finite_is_marked_as_a_whole():
    toy = Toy()
    with torch.no_grad():
        toy.blocks[0]["gate"].bias[0] = torch.nan
    toy.blocks[0]["gate"].top_k = 2
    tap = RouterTap(toy, ["blocks.0.gate"], scoring="topk_softmax")
    with tap.record(attention_mask=ALL) as recording:
        toy(IDS)
    assert np.isnan(recording.pathways().weights).all()
    assert recording.problems == ("`blocks.0.gate`: not finite for 4 of 4 samples.",)


def test_what_is_not_finite_in_padding_marks_nothing():
    toy = Toy()
    with torch.no_grad():
        toy.embed.weight[0] = torch.nan
    ids, mask = IDS.clone(), ALL.clone()
    ids[:, 4:] = mask[:, 4:] = 0
    with RouterTap(toy, "gate") as tap, tap.record(attention_mask=mask) as recording:
        toy(ids)
    assert recording.problems == ()
    assert np.isfinite(recording.pathways().weights).all()


def test_a_forward_that_does_not_fit_the_mask_switches_the_tap_off_and_lets_training_go_on(
    caplog: pytest.LogCaptureFixture,
):
    toy = Toy()
    tap = RouterTap(toy, "gate")
    with caplog.at_level(logging.WARNING), tap.record(attention_mask=ALL) as recording:
        toy(IDS)
        toy(IDS[:, :5])
        toy(IDS)
    assert np.isnan(recording.pathways().weights).all()
    said = "`blocks.0.gate` saw 20 tokens where the batch was said to have 24."
    assert recording.problems == (said,)
    assert [record.message for record in caplog.records] == [f"The router tap is off: {said}"]
    with tap.record(attention_mask=ALL) as recording:
        toy(IDS[:, :5])
    assert recording.problems == (said,)
    assert np.isnan(recording.pathways().weights).all()
    assert len(caplog.records) == 1


def test_an_error_within_a_hook_stops_no_training(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    toy = Toy()
    with RouterTap(toy, "gate") as tap, tap.record(attention_mask=ALL) as recording:
        monkeypatch.setattr(recording, "add", lambda *_: 1 / 0)
        toy(IDS).sum().backward()
    assert recording.problems == ("`blocks.0.gate`: division by zero",)
    assert len(caplog.records) == 1


class Odd(nn.Module):
    """A gate that returns what it is told to."""

    num_experts = 4

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor) -> Any:
        """Whatever goes in."""
        return self.output


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (torch.zeros(24, 3), r"a row of 4 experts for each token, got \(24, 3\)"),
        (torch.zeros(24, 4, dtype=torch.long), "numbers"),
        (torch.zeros(4), "a row of 4 experts"),
        (None, "numbers"),
        ((), "numbers"),
    ],
)
def test_an_output_that_is_no_row_of_experts_is_named(output: Any, says: str):
    model = nn.Sequential(Odd(output))
    with RouterTap(model, ["0"]) as tap, tap.record(attention_mask=ALL) as recording:
        model(IDS)
    (problem,) = recording.problems
    assert problem.startswith("`0` must return")
    assert re.search(says, problem)


def test_a_forward_before_any_batch_is_a_problem():
    toy = Toy()
    with RouterTap(toy, "gate") as tap, tap.record(samples=2) as recording:
        toy(IDS)
    assert recording.problems == ("a forward ran before `batch` said whose tokens it holds.",)


def test_weights_at_odds_with_the_scoring_are_a_problem():
    model = next(family for family in FAMILIES if family.name == "DeepseekV3").make()
    with RouterTap(model, scoring="softmax") as tap, tap.record(attention_mask=ALL) as recording:
        model(input_ids=IDS)
    assert "set `scoring` to 'kept'" in recording.problems[0]


def test_kept_weights_of_a_router_that_has_none_are_a_problem():
    toy = Toy()
    with RouterTap(toy, "gate", scoring="kept") as tap, tap.record(attention_mask=ALL) as recording:
        toy(IDS)
    assert "no weights of its own" in recording.problems[0]


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({}, "attention_mask"),
        ({"attention_mask": torch.ones(4)}, "attention_mask"),
        ({"attention_mask": ALL, "segments": ALL[:2]}, "segments"),
        ({"segments": ALL * 7, "samples": 3}, "samples"),
        ({"samples": 0}, "samples"),
        ({"samples": 1, "decoder_attention_mask": ALL}, "attention_mask"),
    ],
)
def test_what_the_user_gets_wrong_is_raised(given: dict[str, Any], setting: str):
    with (
        RouterTap(Toy(), "gate") as tap,
        pytest.raises(SettingError) as caught,
        tap.record(**given),
    ):
        pass
    assert caught.value.setting == setting


def compiled(*arguments: str) -> dict[str, Any]:
    """From a process of its own: here, tracing would go through the checks of every signature."""
    script = Path(__file__).with_name("compiled.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_tap_is_traced_without_a_break_and_compiled_values_are_those_of_eager():
    said = compiled("eager", "Olmoe")
    assert said == {"breaks": {}, "graphs": 1, "difference": 0.0, "problems": []}


@pytest.mark.slow
@pytest.mark.parametrize("family", ["Olmoe", "GptOss", "DeepseekV3"])
@pytest.mark.parametrize("checkpointing", ["none", "reentrant", "other"])
def test_compiled_training_with_checkpointing_counts_once(family: str, checkpointing: str):
    said = compiled("aot_eager", family, checkpointing)
    assert said == {"breaks": {}, "graphs": 1, "difference": 0.0, "problems": []}
