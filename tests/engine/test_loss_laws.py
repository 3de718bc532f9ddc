"""Laws of every registered loss: it is its definition, row by row, and so are its gradients."""

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from grokscope.core.errors import SettingError
from grokscope.engine import (
    LOSSES,
    AdamW,
    CrossEntropy,
    Hinge,
    Job,
    Loss,
    MeanSquare,
    Population,
    Setup,
    StableMax,
)
from grokscope.engine.answers import Answers, merged
from grokscope.models import EmbeddingMLP
from grokscope.tasks import ModularArithmetic, Table


def stablemax(z: torch.Tensor, label: int) -> torch.Tensor:
    sizes = [x + 1 if x >= 0 else 1 / (1 - x) for x in z]
    return -torch.log(sizes[label] / torch.stack(sizes).sum())


def hinge(z: torch.Tensor, label: int) -> torch.Tensor:
    others = torch.stack([x for i, x in enumerate(z) if i != label])
    return torch.relu(1 - (z[label] - others.max()))


SLOW: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "cross_entropy": lambda z, label: F.cross_entropy(z[None], torch.tensor([label])),
    "hinge": hinge,
    "mean_square": lambda z, label: F.mse_loss(z, F.one_hot(torch.tensor(label), len(z)).to(z)),
    "stablemax": stablemax,
}
every_loss = pytest.mark.parametrize("name", LOSSES)


def sample(size: float = 3.0) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(1)
    logits = size * torch.randn(3, 8, 5, generator=stream, dtype=torch.float64)
    return logits, torch.randint(0, 5, (3, 8), generator=stream)


def slow(name: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    rows = [
        torch.stack([SLOW[name](z, int(label)) for z, label in zip(own, answers, strict=True)])
        for own, answers in zip(logits, labels, strict=True)
    ]
    return torch.stack(rows)


def test_every_registered_loss_has_its_definition_here():
    assert SLOW.keys() == LOSSES.keys()


@every_loss
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_it_is_the_mean_over_rows_of_its_definition_and_so_is_its_gradient(
    name: str, precision: str
):
    logits, labels = sample()
    logits.requires_grad_()
    expected = slow(name, logits, labels).mean(1)
    found = LOSSES[name](precision=precision)(logits, labels)  # pyright: ignore
    tolerance = 1e-5 if precision == "float32" else 1e-12
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    (theirs,) = torch.autograd.grad((expected * weights).sum(), logits, retain_graph=True)
    (ours,) = torch.autograd.grad((found.double() * weights).sum(), logits)
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@every_loss
def test_rows_of_a_table_are_in_float64(name: str):
    logits, labels = sample()
    found = LOSSES[name]().rows(logits.float(), labels[0])
    assert found.dtype == torch.float64
    expected = slow(name, logits.float().double(), labels[:1].expand(3, -1))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@every_loss
def test_merged_mirror_images_cost_what_they_cost_apart(name: str):
    table = ModularArithmetic(p=5).table()
    inputs, labels = table.inputs[None], table.labels[None]
    rows, answers = merged(inputs, labels, 15, torch.float64)
    stream = torch.Generator().manual_seed(0)
    by_pair = torch.randn(5, 5, 5, generator=stream, dtype=torch.float64)
    by_pair = by_pair + by_pair.transpose(0, 1)  # as of a network that adds its operands
    apart = by_pair[inputs[..., 0], inputs[..., 1]]
    together = by_pair[rows[..., 0], rows[..., 1]]
    loss = LOSSES[name](precision="float64")
    torch.testing.assert_close(loss(together, answers), loss(apart, labels))


@every_loss
def test_the_constant_is_the_loss_of_the_best_constant_answer_or_of_equal_logits(name: str):
    table = ModularArithmetic(p=7).table()
    loss = LOSSES[name]()
    equal = torch.full((1, len(table.labels), 7), 1 / 7 if name == "mean_square" else 0.0)
    expected = float(loss.rows(equal, table.labels).mean())
    assert loss.constant(table) == pytest.approx(expected, rel=1e-6)


def test_stablemax_has_a_gradient_where_cross_entropy_has_none():
    labels = torch.zeros(1, 1, dtype=torch.int64)
    norms: dict[type[Loss], float] = {}
    for kind in (CrossEntropy, StableMax):
        logits = torch.tensor([[[40.0, 0.0, -5.0]]], requires_grad=True)
        (gradient,) = torch.autograd.grad(kind()(logits, labels), logits)
        norms[kind] = float(gradient[0, 0, 0].abs())
    assert norms[CrossEntropy] == 0
    assert norms[StableMax] > 1e-4


def test_stablemax_is_finite_at_the_pole_of_its_other_branch():
    labels = torch.zeros(1, 1, dtype=torch.int64)
    logits = torch.tensor([[[1.0, 0.0, -1.0]]], requires_grad=True)
    (gradient,) = torch.autograd.grad(StableMax()(logits, labels), logits)
    assert gradient.isfinite().all()


def test_mean_square_of_real_targets_is_torchs():
    stream = torch.Generator().manual_seed(2)
    outputs, targets = torch.randn(2, 3, 6, 4, generator=stream, dtype=torch.float64)
    answers = Answers.plain(torch.zeros(3, 6, dtype=torch.int64), torch.float64, targets)
    expected = [F.mse_loss(own, wanted) for own, wanted in zip(outputs, targets, strict=True)]
    found = MeanSquare(precision="float64")(outputs, answers)
    torch.testing.assert_close(found, torch.stack(expected))


def test_the_constant_of_real_targets_is_their_variance():
    targets = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    rows = torch.arange(2)
    table = Table(
        inputs=targets, labels=0 * rows, d_vocab=0, n_classes=2, mirror=rows, targets=targets
    )
    assert MeanSquare().constant(table) == pytest.approx(0.5)


@pytest.mark.parametrize("kind", [CrossEntropy, Hinge, StableMax])
def test_a_loss_of_classes_refuses_real_targets(kind: type[Loss]):
    task = ModularArithmetic(p=5, train_fraction=0.5)
    table = task.table()
    real = Table(**(vars(table) | {"targets": torch.zeros(25, 5)}))
    job = Job(
        index=0,
        seed=0,
        model=EmbeddingMLP(d_model=4, d_hidden=4),
        optimizer=AdamW(),
        rows=task.make_split(table, 0).train,
    )
    with pytest.raises(SettingError, match="`loss` must be one for real targets, such as"):
        Population(Setup(table=real, loss=kind()), [job])


def test_cross_entropy_of_equal_logits_is_log_n():
    assert CrossEntropy().constant(ModularArithmetic(p=7).table()) == pytest.approx(math.log(7))
