"""Columns behind the shown ones: never seen, never counted, never let in from elsewhere."""

import pytest
import torch

from grokscope.engine import CrossEntropy
from grokscope.models.columns import LINE, padded, shown, whole


def leaves(width: int) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(width)
    x, w = (torch.randn(2, n, m, generator=stream).double() for n, m in ((6, 5), (5, width)))
    return x.requires_grad_(), w.requires_grad_()


def wide(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return shown(torch.bmm(x, padded(w)), w.shape[2])


@pytest.mark.parametrize("width", [3, 15, 16, 31, 59, 97, 113])
def test_outputs_and_gradients_are_those_without_them(width: int):
    x, w = leaves(width)
    assert torch.allclose(wide(x, w), x @ w, rtol=1e-13, atol=1e-14)
    pairs = zip(
        torch.autograd.grad(wide(x, w).tanh().sum(), (x, w)),
        torch.autograd.grad((x @ w).tanh().sum(), (x, w)),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-13) for a, b in pairs)


@pytest.mark.parametrize("width", [15, 31, 97])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_loss_over_them_is_the_loss_over_the_classes(width: int, precision: str):
    x, w = leaves(width)
    labels = torch.randint(0, width, (2, 6), generator=torch.Generator().manual_seed(0))
    ours = CrossEntropy(precision=precision)(wide(x, w), labels)
    theirs = torch.stack(
        [torch.nn.functional.cross_entropy(x[i] @ w[i], labels[i]) for i in range(2)]
    )
    tolerance = 1e-6 if precision == "float32" else 1e-13
    assert torch.allclose(ours.double(), theirs, rtol=tolerance)
    pairs = zip(
        torch.autograd.grad(ours.sum(), (x, w)),
        torch.autograd.grad(theirs.sum(), (x, w)),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-4, atol=tolerance) for a, b in pairs)


def test_as_many_columns_as_pay_and_no_more():
    assert [padded(torch.zeros(1, 2, n)).shape[2] for n in (16, 31, 59, 97, 113)] == [
        16, 32, 64, 97, 113,
    ]  # fmt: skip


def test_what_lies_behind_is_taken_only_where_it_is_a_few_columns_of_the_same_rows():
    base = torch.arange(2 * 6 * 32.0).view(2, 6, 32)
    assert torch.equal(whole(base[..., :31]), base)
    assert whole(base).shape[2] == 32
    assert whole(base[..., : 32 - LINE]).shape[2] == 32 - LINE
    assert whole(base[:, :5, :31]).shape[2] == 31
    assert whole(base[..., 1:]).shape[2] == 31  # its last row would end behind the memory
    assert whole(base[..., :31].transpose(0, 1)).shape[2] == 31
    assert whole(base[:1, :1, :31].expand(2, 6, 31)).shape[2] == 31
