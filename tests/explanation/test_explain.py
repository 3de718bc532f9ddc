"""Verdicts on networks whose algorithm is known, and on such as have none."""

import inspect
import json
import math
from dataclasses import asdict
from functools import cache
from importlib import import_module

import pytest
import torch
from benchmarks.explainer.nulls import nulls
from benchmarks.explainer.planted import LABELS, plant
from benchmarks.explainer.trust import explain_null, explain_planted
from torch import nn

from grokscope.core.errors import MemoryExceededError, SettingError
from grokscope.explanation import ModuleSubject, NetworkSubject, explain
from grokscope.explanation.cyclic_examination import CyclicExamination
from grokscope.explanation.cyclic_trial import CYCLIC_TRIALS
from grokscope.explanation.thresholds import FROZEN, Bands, Thresholds
from grokscope.tasks import ModularArithmetic

CIRCLES = [label for label in LABELS if label != "lookup"]
STOPPED_BY = {
    "latin": {"sparsity", "form_agreement", "form_variance"},
    "random-table": {"sparsity", "form_agreement", "form_variance"},
    "foreign-circles": {"sufficiency", "necessity", "mechanism"},
}
"""Tests among those that a null fails, whatever else it fails."""


@cache
def explained(label, noise):
    """The verdict on a planted network of seed 3."""
    return explain_planted(plant(label, seed=3, noise=noise))


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("label", CIRCLES)
def test_planted_networks_come_out_as_what_they_are(label, noise):
    planted = plant(label, seed=3, noise=noise)
    found = explained(label, noise)
    assert {circle.frequency: circle.label for circle in found.circles} == planted.circles
    assert found.verdict == "explained", found
    assert found.grade == "A"


def test_a_mixture_has_its_fraction():
    planted = plant("mixture", seed=3)
    for circle in explained("mixture", 0.0).circles:
        # R of the neurons that are aligned sets the first harmonic, hence the pizza's share
        assert circle.fraction == pytest.approx(planted.fractions[circle.frequency], abs=0.2)


def test_an_offset_is_found():
    planted = plant("pizza-offset", seed=3)
    for circle in explained("pizza-offset", 0.0).circles:
        k = circle.frequency
        apart = 2 * math.pi * k * (circle.offset - planted.offsets[k]) / planted.task.p
        assert abs(math.remainder(apart, 2 * math.pi)) < 0.1


def test_a_table_learned_by_heart_is_a_lookup():
    found = explained("lookup", 0.0)
    assert (found.verdict, found.label) == ("unexplained", "lookup")
    assert "learned by heart" in found.sentence


@pytest.mark.parametrize("kind", STOPPED_BY)
def test_accurate_networks_without_the_algorithm_stay_unexplained(kind):
    for null in nulls(kind, [3]):
        found = explain_null(null)
        assert found.accuracy >= 0.999
        assert found.verdict == "unexplained"
        assert {test.name for test in found.failed} >= STOPPED_BY[kind]


def test_a_patched_table_is_stopped_by_the_closed_form():
    """Circles and neurons are an ensemble's; the formula alone is wrong where labels changed."""
    stopped = []
    for null in nulls("patch", [1, 6, 9]):
        found = explain_null(null)
        assert found.accuracy >= 0.999
        assert found.verdict == "unexplained"
        stopped.append({test.name: test.value for test in found.failed})
        unchanged = 1 - float(null.changed.double().mean())
        assert stopped[-1]["form_agreement"] == pytest.approx(unchanged, abs=0.003)
        assert stopped[-1]["form_variance"] < FROZEN.variance
    form_tests = {"form_agreement", "form_variance", "form_gap"}
    assert form_tests in [set(failed) for failed in stopped]


def test_a_few_rows_learned_by_heart_are_seen():
    """Too few to count for agreement; but no near ties, where the formula may differ."""
    for null in nulls("small-patch", [500, 502]):
        found = explain_null(null)
        assert found.accuracy >= 0.999
        values = {test.name: test for test in found.tests}
        assert values["form_agreement"].passed
        assert not values["form_gap"].passed
        assert found.verdict == "unexplained"


@pytest.mark.parametrize("kind", ["permuted", "untrained", "undertrained"])
def test_the_gate_stops_what_is_not_accurate(kind):
    (null,) = nulls(kind, [3])
    found = explain_null(null)
    assert found.verdict == "not_accurate"
    assert found.circles == found.tests == ()
    assert found.label == "not accurate"
    assert "Not accurate" in found.sentence


class Elsewhere(nn.Module):
    """A network in plain PyTorch: two tables, a sum, a hidden layer."""

    def __init__(self, planted):
        super().__init__()
        weights = {name: value[0] for name, value in planted.params.items()}
        half = len(weights["W_E"]) // 2
        self.first = nn.Embedding.from_pretrained(weights["W_E"][:half])
        self.second = nn.Embedding.from_pretrained(weights["W_E"][half:])
        self.hidden = nn.Linear(*weights["W_in"].shape)
        self.hidden.weight.data, self.hidden.bias.data = weights["W_in"].T, weights["b_in"]
        self.out = nn.Linear(*weights["W_U"].shape, bias=False)
        self.out.weight.data = weights["W_U"].T

    def forward(self, rows):
        """Logits of the operand pairs."""
        summed = self.first(rows[:, 0]) + self.second(rows[:, 1])
        return self.out(torch.relu(self.hidden(summed)))


def test_somebody_elses_network_is_explained_like_ones_own():
    planted = plant("pizza-offset", seed=5)
    foreign = ModuleSubject(
        Elsewhere(planted),
        planted.task,
        embeddings=("first.weight", "second.weight"),
        pre=("hidden",),
    )
    theirs, ours = explain(foreign), explain_planted(planted)
    assert theirs.verdict == "explained"
    assert {c.frequency: c.label for c in theirs.circles} == planted.circles
    for test, own in zip(theirs.tests, ours.tests, strict=True):
        assert (test.name, test.passed) == (own.name, own.passed)
        assert test.value == pytest.approx(own.value, abs=0.02)


def test_a_label_that_the_architecture_cannot_have_is_not_given():
    """A flat profile with aligned phases needs a product; where nothing multiplies, no clock."""
    planted = plant("clock", seed=3)
    constant = planted.params | {"attention_rate": torch.zeros(1)}
    subject = NetworkSubject(planted.model, constant, planted.task.table())
    examination = CyclicExamination(subject, FROZEN, keys=sorted(planted.circles))
    assert "clock" not in examination.labels.values()


def test_a_label_is_given_by_the_bands_that_are_stored():
    planted = plant("pizza", seed=3)
    subject = NetworkSubject(planted.model, planted.params, planted.task.table())
    found = explain(subject, thresholds=Thresholds(bands=Bands(pizza=(0.9, 0.95))))
    assert "pizza" not in {circle.label for circle in found.circles}
    assert found.to_dict()["thresholds"]["bands"]["pizza"] == (0.9, 0.95)


def test_claims_are_tested_as_they_are_made():
    """One frequency too few is not enough, and one that is not there is not needed."""
    planted = plant("pizza", seed=3)
    subject = NetworkSubject(planted.model, planted.params, planted.task.table())
    keys = [circle.frequency for circle in explain(subject).circles]
    assert explain(subject, keys=keys).verdict == "explained"
    missing = explain(subject, keys=keys[1:])
    assert "necessity" in {test.name for test in missing.failed}


def test_the_verdict_is_json():
    found = explained("companion", 0.0)
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert written["verdict"] == "explained"
    assert written["thresholds"]["version"] == "explain/6"
    assert written["thresholds"]["bands"] == json.loads(json.dumps(asdict(Bands())))
    fields = {"name", "value", "threshold", "side", "passed", "about"}
    assert all(set(test) == fields for test in written["tests"])
    shown = repr(found)
    assert found.sentence in shown
    assert all(test.name in shown for test in found.tests)


def test_every_test_of_the_table_is_run_by_some_planted_network():
    run = set()
    for label in CIRCLES:
        run |= {test.name for test in explained(label, 0.0).tests}
    assert run == {trial.name for trial in CYCLIC_TRIALS}


def test_a_network_that_learned_the_table_is_explained_whatever_the_operation():
    """The same weights solve subtraction once the second table is read backwards."""
    planted = plant("pizza-offset", seed=6)
    p = planted.task.p
    params = dict(planted.params)
    second = params["W_E"][:, p:]
    params["W_E"] = torch.cat([params["W_E"][:, :p], second[:, (-torch.arange(p)) % p]], 1)
    task = ModularArithmetic(operation="subtract", p=p)
    found = explain(NetworkSubject(planted.model, params, task.table()))
    assert found.verdict == "explained"


def test_a_table_that_is_too_large_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch):
    planted = plant("pizza", seed=3)
    subject = NetworkSubject(planted.model, planted.params, planted.task.table())
    monkeypatch.setattr(import_module("grokscope.explanation.explain"), "MEMORY_LIMIT", 1e6)
    with pytest.raises(
        MemoryExceededError, match=r"³ logits take 0\.0 GB .* \(a group of order 27\)"
    ):
        explain(subject)


def test_what_is_no_subject_is_refused_with_the_way_to_one():
    with pytest.raises(SettingError, match=r"`run\.subject\(0\)` of a run.*Linear"):
        inspect.unwrap(explain)(nn.Linear(2, 2))  # without the type checks of the tests
