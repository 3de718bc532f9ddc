"""A study of seconds, end to end: trained, measured, resumed, answered, explained."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grokscope.core.errors import InterruptedRunError, UsageError
from grokscope.explanation import explain
from grokscope.llm.monitor_run import MonitorRun
from grokscope.recipes.olmoe_mini import mixture
from grokscope.recipes.olmoe_mini.arm import ARMS, Arm
from grokscope.recipes.olmoe_mini.form import CPU, GPU
from grokscope.recipes.olmoe_mini.model import Sharpening, loss_of, make_model
from grokscope.recipes.olmoe_mini.record import MEASURES, record_of
from grokscope.recipes.olmoe_mini.study import Study
from grokscope.recipes.olmoe_mini.subject import ring_subject
from grokscope.recipes.olmoe_mini.tokenizer import Words
from grokscope.recipes.olmoe_mini.training import batch_of, prepare, rate, train
from grokscope.store import RunDirectory
from recipes.olmoe_mini.small_form import TINY


@pytest.fixture(scope="module")
def short_text(tmp_path_factory: pytest.TempPathFactory):
    """Some text instead of the library's, which takes seconds to read."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(300)]
    lines = [" ".join(rng.choice(words, 14)) + "\n" for _ in range(9_000)]
    patch = pytest.MonkeyPatch()
    patch.setattr(mixture, "read_sources", lambda packages: ["".join(lines)])
    patch.setattr(mixture, "prose", lambda sources: ["".join(lines[::-1])])
    yield
    patch.undo()


@pytest.fixture(scope="module")
def trained(short_text: None, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    out = tmp_path_factory.mktemp("study")
    return RunDirectory.open(train(TINY, "main", 0, out, lambda text: None))


def test_a_run_is_measured_at_its_steps_and_verifies(trained: RunDirectory):
    run = MonitorRun(trained)
    assert run.steps == list(TINY.measured) == [0, 3, 6, 12, 24]
    assert trained.verify() == []
    assert trained.status["state"] == "finished"
    groups = run.header["groups"]
    assert groups["arithmetic/twin"] == TINY.probes
    assert 1 < groups["arithmetic"] <= TINY.probes  # some may be due behind the end
    assert groups["code/test"] == groups["code/train"] == TINY.items
    assert groups["canary-16/twin"] == TINY.canaries


def test_its_record_has_every_measure(trained: RunDirectory):
    record = record_of(trained)
    assert (record.arm, record.seed, record.domains) == (
        "main",
        0,
        ["arithmetic", "code", "knowledge"],
    )
    for name in set(MEASURES) - {"accuracy"}:
        assert np.isfinite(record.series("knowledge", name)).all(), name
    assert np.isfinite(record.series("code/test", "accuracy")).all()
    assert {own.shape for own in record.columns.values()} == {(5,)}
    assert record.layers("arithmetic", "distance_normalized").shape == (2, 5)


def test_the_same_seed_trains_the_same_model(trained: RunDirectory, tmp_path: Path):
    again = RunDirectory.open(train(TINY, "main", 0, tmp_path, lambda text: None))
    for name in ("arithmetic/loss", "prose/distance", "code/twin/mean_cos"):
        first, second = (record_of(run).columns[name] for run in (trained, again))
        assert np.array_equal(first, second)


def test_what_the_model_trains_on_alone_it_sees_alone(short_text: None):
    """Documents that share a row do not see each other: the position ids keep them apart."""
    prepared = prepare(TINY, ARMS["main"], 0)
    model = make_model(TINY, ARMS["main"], prepared.words, 0, torch.device("cpu")).eval()
    batch = batch_of(prepared.stream, TINY, 0, torch.device("cpu"))
    row = int((batch["position_ids"] == 0).sum(1).argmax())
    begin, end, *_ = (batch["position_ids"][row] == 0).nonzero().flatten().tolist()[1:]
    alone = batch["input_ids"][row : row + 1, begin:end]
    with torch.no_grad():
        packed = model(
            input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
        ).logits[row, begin:end]
        separate = model(input_ids=alone, use_cache=False).logits[0]
    assert (packed - separate).abs().max() < 1e-5


def test_the_balancing_loss_and_the_z_loss_are_really_on(short_text: None):
    prepared = prepare(TINY, ARMS["main"], 0)
    batch = batch_of(prepared.stream, TINY, 0, torch.device("cpu"))

    def loss(arm: Arm) -> float:
        model = make_model(TINY, arm, prepared.words, 0, torch.device("cpu"))
        return float(loss_of(model, batch).detach())

    model = make_model(TINY, ARMS["main"], prepared.words, 0, torch.device("cpu"))
    with torch.no_grad():
        output = model(**batch, use_cache=False)
    z_loss = torch.stack([r.logsumexp(-1).square().mean() for r in output.router_logits]).mean()
    assert float(output.aux_loss) > 1.9  # experts of a token, where balance is perfect
    own = loss(ARMS["main"])
    assert own == pytest.approx(float(output.loss + 1e-3 * z_loss), abs=1e-6)
    without = loss(ARMS["no-balancing"])
    assert own - without == pytest.approx(0.01 * float(output.aux_loss), abs=1e-5)


def test_arms_differ_in_their_one_thing():
    words = Words.trained_on(["a b c <1> + <2> = <3>"], 400)
    frozen = make_model(TINY, ARMS["frozen-router"], words, 0, torch.device("cpu"))
    fixed = [name for name, p in frozen.named_parameters() if not p.requires_grad]
    assert fixed == [f"model.layers.{layer}.mlp.gate.weight" for layer in range(2)]
    assert rate(TINY.steps - 1, TINY, ARMS["constant-rate"]) == 1
    assert rate(TINY.steps - 1, TINY, ARMS["main"]) < 0.15
    assert rate(0, TINY, ARMS["main"]) == pytest.approx(1 / TINY.warmup)


def test_sharpening_multiplies_router_logits_and_nothing_else():
    words = Words.trained_on(["a b c <1> + <2> = <3>"], 400)
    model = make_model(TINY, ARMS["main"], words, 0, torch.device("cpu")).eval()
    ids = torch.tensor([[3, 4, 5]])
    plain = model(input_ids=ids, use_cache=False).router_logits[0]
    sharpening = Sharpening(model)
    sharpening.factor = 3.0
    assert torch.allclose(model(input_ids=ids, use_cache=False).router_logits[0], 3 * plain)
    sharpening.remove()
    assert torch.equal(model(input_ids=ids, use_cache=False).router_logits[0], plain)


def test_its_sums_are_a_subject_that_answers_as_the_model_does(trained: RunDirectory):
    from tokenizers import Tokenizer
    from transformers import OlmoeForCausalLM

    words = Words(Tokenizer.from_file(str(trained.path / "tokenizer.json")))
    model = OlmoeForCausalLM.from_pretrained(trained.path / "model").eval()
    ids = torch.tensor([[words.begin, *words.tokenizer.encode("<13> + <58> =").ids]])
    with torch.no_grad():
        own = model(input_ids=ids, use_cache=False).logits[0, -1, words.numbers]
    subject = ring_subject(model, words)
    assert (subject.run().logits[13 * 59 + 58] - own).abs().max() < 1e-5
    assert "ot accurate" in str(explain(subject))


def test_forms_keep_their_promises():
    assert len(CPU.measured) >= 40
    assert len(GPU.measured) >= 100
    assert len(GPU.seeds) >= 6
    assert GPU.tokens >= 100_000_000
    assert min(CPU.seeds) >= 10_000
    assert set(GPU.arms) == set(ARMS)
    assert 4 * CPU.probes >= 256


def test_a_folder_of_another_form_is_refused(trained: RunDirectory):
    other = Study(form=replace(TINY, steps=25), out=trained.path.parent)
    with pytest.raises(UsageError, match="was made with other settings"):
        other.left()
    own = Study(form=TINY, out=trained.path.parent)
    assert own.left() == [("main", 1), ("shuffled-labels", 0)]


def test_a_study_that_is_stopped_leaves_its_pieces_for_later(tmp_path: Path):
    study = Study(form=TINY, out=tmp_path / "study")
    with pytest.raises(InterruptedRunError, match="was stopped"):
        study.run(1, lambda text: None, lambda: True)
    assert len(study.left()) == 3


@pytest.mark.slow
def test_a_study_runs_goes_on_and_answers(tmp_path: Path):
    study = Study(form=TINY, out=tmp_path / "study")
    said: list[str] = []
    with pytest.raises(InterruptedRunError):
        study.run(1, said.append, lambda: "main, seed 0: done" in said)
    assert [piece for piece in TINY.runs if piece not in study.left()] == [("main", 0)]
    study.run(2, said.append, lambda: False)
    assert study.left() == []
    assert said.count("main, seed 0: begins") == 1
    assert [(one.arm, one.seed) for one in study.records()] == TINY.runs
    assert json.dumps([one.verdict for one in study.answers()])
