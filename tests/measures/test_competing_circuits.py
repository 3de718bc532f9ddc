"""Circuits planted in the logits: one that generalises, one that memorises, and noise."""

import math

import pytest
import torch

from grokscope.measures.competing_circuits import CompetingCircuits, competing_circuits, efficiency
from reference.snapshots import slow_circuits, slow_efficiency

N = 17
ROWS = torch.cartesian_prod(torch.arange(N), torch.arange(N))
ANSWERS = ROWS.sum(1) % N
STREAM = torch.Generator().manual_seed(0)
DRAW = torch.randperm(N * N, generator=STREAM)
TRAIN = torch.zeros(1, N * N, dtype=torch.bool)
TRAIN[0, DRAW[: N * N // 3]] = True
UNSEEN = ~TRAIN


def general(size: float = 3.0) -> torch.Tensor:
    """cos(x + y − c), with a size of its own for every class."""
    angle = 2 * math.pi * (ANSWERS.unsqueeze(1) - torch.arange(N)) / N
    sizes = torch.linspace(0.5, 1.5, N)
    return size * sizes * (2 * angle).cos()


def memorised(size: float = 8.0, labels: torch.Tensor = ANSWERS) -> torch.Tensor:
    """A spike at the label of every training row."""
    return size * torch.nn.functional.one_hot(labels, N) * TRAIN[0].unsqueeze(1)


def noise(size: float = 2.0) -> torch.Tensor:
    """The same on all rows, trained on or not."""
    return size * torch.randn(N * N, N, generator=torch.Generator().manual_seed(5))


def measured(logits: torch.Tensor, shown: torch.Tensor = ANSWERS) -> CompetingCircuits:
    return competing_circuits(logits.unsqueeze(0), ANSWERS, shown, TRAIN, UNSEEN)


def shares(found: CompetingCircuits) -> list[float]:
    return [v.item() for v in (found.generalising, found.memorising, found.neither)]


@pytest.mark.parametrize(
    ("logits", "expected"),
    [(general(), [1, 0, 0]), (memorised(), [0, 1, 0])],
    ids=["generalising", "memorising"],
)
def test_a_circuit_alone_is_found_exactly(logits: torch.Tensor, expected: list[float]):
    assert shares(measured(logits + 4)) == pytest.approx(expected, abs=1e-5)


def test_noise_is_neither():
    assert shares(measured(noise())) == pytest.approx([0, 0, 1], abs=0.05)


def test_a_function_of_one_operand_is_neither():
    one = torch.randn(N, N, generator=torch.Generator().manual_seed(2))[ROWS[:, 0]]
    found = shares(measured(one))
    assert found[2] == pytest.approx(1, abs=0.2)
    assert abs(found[0]) < 0.15


def test_a_bias_of_the_classes_is_no_part_of_the_three():
    bias = 20 * torch.randn(N, generator=torch.Generator().manual_seed(3))
    plain, biased = measured(general() + noise()), measured(general() + noise() + bias)
    assert shares(biased) == pytest.approx(shares(plain), abs=1e-4)


def test_sums_are_parted_as_they_were_put_together():
    parts = {"g": general(), "m": memorised(), "n": noise()}
    found = measured(sum(parts.values(), torch.zeros(())))
    own = {k: (v - v.mean(1, keepdim=True)).double()[TRAIN[0]] for k, v in parts.items()}
    total = sum(own.values())
    energy = (total * total).sum()
    expected = [float((v * total).sum() / energy) for v in own.values()]
    assert min(expected) > 0.1
    assert shares(found) == pytest.approx(expected, abs=0.05)
    assert sum(shares(found)) == pytest.approx(1)
    label = ANSWERS[TRAIN[0]].unsqueeze(1)
    right = {k: float(v.gather(1, label).mean()) for k, v in own.items()}
    assert found.right_generalising.item() == pytest.approx(right["g"], abs=0.3)
    assert found.right_memorising.item() == pytest.approx(right["m"], abs=0.4)


def test_training_rows_do_not_make_memorising_look_general():
    """A mean over all rows of an answer would give a third of the spikes to the other circuit."""
    found = measured(memorised() + noise(0.1))
    assert found.generalising.item() == pytest.approx(0, abs=0.01)
    assert found.memorising.item() == pytest.approx(1, abs=0.01)


def test_wrong_labels_that_are_trained_on_are_memorised():
    shown = torch.randint(N, (N * N,), generator=torch.Generator().manual_seed(4))
    found = measured(memorised(labels=shown) + general(0.5), shown)
    assert found.memorising.item() > 0.9
    assert found.right_memorising.item() == pytest.approx(8 * (1 - 1 / N), rel=0.05)
    assert abs(found.right_generalising.item()) < 0.2


def test_agreement_with_loops_also_where_some_answers_were_never_left_out():
    logits = general() + memorised() + noise()
    unseen = UNSEEN & (ANSWERS > 2)
    shown = ANSWERS.roll(1)
    found = competing_circuits(
        torch.stack([logits, -logits]), ANSWERS, shown, TRAIN.repeat(2, 1), unseen.repeat(2, 1)
    )
    known, left = (m[0].nonzero().flatten().tolist() for m in (TRAIN, unseen))
    for i, sign in enumerate((1, -1)):
        own = (sign * logits).double().numpy()
        expected = slow_circuits(own, ANSWERS.tolist(), shown.tolist(), known, left)
        assert {k: v[i].item() for k, v in vars(found).items()} == pytest.approx(expected)


def test_without_rows_that_were_left_out_there_is_nothing_to_tell_by():
    found = competing_circuits(
        general().unsqueeze(0), ANSWERS, ANSWERS, UNSEEN | True, UNSEEN & False
    )
    assert all(value.isnan().all() for value in vars(found).values())


def test_efficiency_is_the_margin_per_norm():
    logits = torch.stack([general() + memorised(), noise()])
    norms = torch.tensor([2.0, 5.0], dtype=torch.float64)
    train = TRAIN.repeat(2, 1)
    found = efficiency(logits, ANSWERS, train, norms)
    rows = TRAIN[0].nonzero().flatten().tolist()
    for i in range(2):
        expected = slow_efficiency(logits[i].numpy(), ANSWERS.tolist(), rows, norms[i].item())
        assert found[i].item() == pytest.approx(expected, rel=1e-5)
    assert found[0] > 0 > found[1]
    half = efficiency(logits, ANSWERS, train, 2 * norms)
    assert torch.allclose(half * 2, found)
