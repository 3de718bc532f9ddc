"""Losses and accuracies on the parts of a table."""

import math

import pytest
import torch

from grokscope.measures.table_loss import PARTS, row_losses, table_metrics
from reference import watching


def masks(*rows: list[int], n: int = 4) -> torch.Tensor:
    mask = torch.zeros(len(rows), n, dtype=torch.bool)
    for i, chosen in enumerate(rows):
        mask[i, chosen] = True
    return mask


def metrics(logits, labels, train, novel, mirrored):
    parts = torch.stack([train, novel | mirrored, novel, mirrored], 1)
    found = table_metrics(logits, labels, parts)
    return {name: values.tolist() for name, values in found.items()}


def test_metrics_agree_with_explicit_loops():
    stream = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 4, 3, generator=stream)
    labels = torch.tensor([0, 2, 1, 1])
    parts = {
        "train/{}": [[0, 1], [3]],
        "test/{}": [[2, 3], [0, 1, 2]],
        "test/{}_novel": [[2], [0, 1]],
        "test/{}_mirrored": [[3], [2]],
    }
    train, novel, mirrored = (
        masks(*parts[name]) for name in ("train/{}", "test/{}_novel", "test/{}_mirrored")
    )
    found = metrics(logits, labels, train, novel, mirrored)
    for name, rows in parts.items():
        for i in range(2):
            losses, right = [], []
            for r in rows[i]:
                z = logits[i, r].tolist()
                label = int(labels[r])
                losses.append(math.log(sum(math.exp(v) for v in z)) - z[label])
                right.append(z.index(max(z)) == label)
            assert found[name.format("loss")][i] == pytest.approx(sum(losses) / len(losses))
            assert found[name.format("acc")][i] == sum(right) / len(right)


def test_training_rows_are_measured_by_what_they_say_and_the_others_by_what_is_right():
    logits = 3 * torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1))
    labels, noisy = torch.tensor([0, 2, 1, 1]), torch.tensor([1, 2, 0, 2])
    train, novel = masks([0, 1], [0, 3]), masks([2], [1])
    parts = torch.stack([train, ~train, novel, ~train & ~novel], 1)
    right, told = (table_metrics(logits, each, parts) for each in (labels, noisy))
    found = table_metrics(logits, labels, parts, noisy)
    assert set(found) == set(right)
    for name, values in found.items():
        expected = told if name.startswith("train/") else right
        assert torch.equal(values, expected[name]), name


def test_a_part_without_rows_is_undefined():
    everything, nothing = masks([0, 1, 2, 3]), masks([])
    found = metrics(torch.randn(1, 4, 3), torch.zeros(4).long(), everything, nothing, nothing)
    for name, (value,) in found.items():
        assert math.isnan(value) == name.startswith("test/")


def test_losses_do_not_end_at_float32_resolution():
    logits = torch.zeros(1, 4, 3)
    logits[:, :, 0] = 25.0
    rows = masks([0, 1, 2, 3])
    found = metrics(logits, torch.zeros(4).long(), rows, rows, masks([]))
    assert found["train/loss"][0] == pytest.approx(2 * math.exp(-25), rel=1e-4)


def test_a_broken_network_answers_nothing_and_leaves_its_neighbours_alone():
    logits = torch.zeros(2, 4, 3)
    logits[1, :, 0] = 5.0
    logits[0, 1] = math.nan
    labels = torch.zeros(4).long()
    rows, rest = masks([0, 1], [0, 1]), masks([2, 3], [2, 3])
    found = metrics(logits, labels, rows, rest, masks([], []))
    assert math.isnan(found["train/loss"][0])
    assert found["train/acc"] == [0.5, 1.0]
    assert math.isfinite(found["test/loss"][0])
    assert math.isfinite(found["train/loss"][1])


def test_flat_logits_are_right_only_as_often_as_one_class_is():
    labels = torch.tensor([0, 1, 2, 1])
    rows = masks([0, 1, 2, 3])
    found = metrics(torch.zeros(1, 4, 3), labels, rows, masks([]), masks([]))
    assert found["train/acc"] == [0.25]
    assert found["train/loss"] == [pytest.approx(math.log(3))]


@pytest.mark.parametrize("layout", ["rows first", "outputs first"])
def test_a_stack_is_measured_like_its_networks_one_by_one(layout: str):
    stream = torch.Generator().manual_seed(0)
    logits = 30 * torch.randn(5, 60, 8, generator=stream)
    logits = logits if layout == "rows first" else logits.mT.contiguous().mT
    labels = torch.randint(0, 7, (60,), generator=stream)
    kind = torch.randint(0, 3, (5, 60), generator=stream)
    found = metrics(logits, labels, kind == 0, kind == 1, kind == 2)
    for i in range(5):
        rows = (kind[i] == 0, kind[i] > 0, kind[i] == 1, kind[i] == 2)
        named = dict(zip(PARTS[:4], rows, strict=True))
        expected = watching.table_metrics(logits[i], labels, named)
        for name, value in expected.items():
            assert found[name][i] == pytest.approx(value, rel=1e-13, abs=1e-15)
            assert found[name][i] == value or name.partition("/")[2].startswith("loss")


@pytest.mark.parametrize("value", [0.0, 1.0, -math.inf, math.inf, math.nan])
def test_ties_and_numbers_that_are_not_finite_are_answered_as_by_argmax(value: float):
    stream = torch.Generator().manual_seed(1)
    # few different values: most rows have several largest logits
    logits = torch.randint(0, 3, (4, 200, 5), generator=stream).float()
    logits[torch.rand(logits.shape, generator=stream) < 0.1] = value
    labels = torch.randint(0, 5, (200,), generator=stream)
    loss, right = row_losses(logits, labels)
    assert torch.equal(right, (logits.argmax(2) == labels) & loss.isfinite())
