"""The loss: one cross-entropy per network, in the precision that was asked for."""

from typing import Literal

import pytest
import torch
from torch.nn import functional as F

from grokscope.engine import CrossEntropy
from grokscope.models.columns import shown

Precision = Literal["float32", "float64"]


def confident(gap: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Float32 logits of one network whose right answer leads all others by `gap`."""
    labels = torch.arange(6)[None]
    return gap * F.one_hot(labels, 6).float(), labels


def steepness(gap: float, precision: Precision) -> float:
    """Norm of the gradient at that gap."""
    logits, labels = confident(gap)
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(CrossEntropy(precision=precision)(logits, labels), logits)
    assert gradient.dtype == torch.float32
    return float(gradient.norm())


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("size", [0.1, 5.0, 200.0])
def test_it_is_torchs_mean_cross_entropy_for_each_network(precision: Precision, size: float):
    stream = torch.Generator().manual_seed(0)
    logits = (size * torch.randn(3, 10, 7, generator=stream)).requires_grad_()
    labels = torch.randint(0, 7, (3, 10), generator=stream)
    wide = logits.to(getattr(torch, precision))
    expected = torch.stack([F.cross_entropy(wide[i], labels[i]) for i in range(3)])
    losses = CrossEntropy(precision=precision)(logits, labels)
    assert losses.dtype == wide.dtype
    assert torch.allclose(losses, expected, rtol=1e-6)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=wide.dtype)  # any use of the three losses
    ours, theirs = (torch.autograd.grad((x * weights).sum(), logits)[0] for x in (losses, expected))
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_logits_that_are_not_finite_give_a_loss_that_is_not_finite(precision: Precision):
    logits, labels = confident(1.0)
    for bad in (torch.nan, torch.inf):
        spoiled = logits.clone()
        spoiled[0, 2, 3] = bad
        assert not CrossEntropy(precision=precision)(spoiled, labels).isfinite().any()


def test_float64_keeps_a_gradient_where_float32_has_none_left_on_the_right_answer():
    """At a gap of 20 the right answer's probability rounds to 1 in float32."""
    logits, labels = confident(20.0)
    on_the_answer = {}
    precisions: list[Precision] = ["float32", "float64"]
    for precision in precisions:
        leaf = logits.clone().requires_grad_()
        loss = CrossEntropy(precision=precision)(leaf, labels)
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        on_the_answer[precision] = gradient.diagonal(dim1=1, dim2=2).abs().max().item()
    assert on_the_answer["float32"] == 0.0
    assert on_the_answer["float64"] == pytest.approx(5 * torch.tensor(-20.0).exp().item() / 6)


def test_the_loss_itself_vanishes_in_float32_and_stays_in_float64():
    single, double = (CrossEntropy(precision=p)(*confident(20.0)) for p in ("float32", "float64"))
    assert single.item() == 0.0
    assert double.dtype == torch.float64
    assert double.item() == pytest.approx(5 * torch.tensor(-20.0, dtype=torch.float64).exp().item())


@pytest.mark.parametrize("gap", [0.0, 3.0, 10.0])
def test_the_precisions_agree_where_both_have_digits(gap: float):
    assert steepness(gap, "float32") == pytest.approx(steepness(gap, "float64"), rel=2e-2)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_unseen_columns_count_for_nothing(precision: Precision):
    stream = torch.Generator().manual_seed(0)
    wide = torch.randn(2, 10, 16, generator=stream)
    labels = torch.randint(0, 13, (2, 10), generator=stream)
    alone, outputs = wide[..., :13].clone().requires_grad_(), wide.clone().requires_grad_()
    beside = shown(outputs, 13)
    loss = CrossEntropy(precision=precision)
    losses = [loss(x, labels) for x in (alone, beside)]
    assert torch.allclose(*losses, rtol=1e-6)
    (expected,) = torch.autograd.grad(losses[0].sum(), alone)
    (gradient,) = torch.autograd.grad(losses[1].sum(), outputs)
    assert torch.allclose(gradient[..., :13], expected, rtol=1e-5, atol=1e-9)
    assert (gradient[..., 13:] == 0).all()


def test_the_columns_behind_a_slice_of_somebody_elses_are_left_alone():
    wide = torch.randn(2, 10, 16, generator=torch.Generator().manual_seed(0))
    before, logits = wide.clone(), wide[..., :13].requires_grad_()
    torch.autograd.grad(CrossEntropy()(logits, torch.zeros(2, 10).long()).sum(), logits)
    assert torch.equal(wide, before)


def test_the_gradient_of_a_network_does_not_depend_on_its_neighbours():
    logits, labels = confident(2.0)
    stack = torch.cat([logits, 5 * logits]).requires_grad_()
    loss = CrossEntropy()(stack, labels.expand(2, -1))
    (first,) = torch.autograd.grad(loss[0], stack)
    assert first[1].abs().max() == 0


def test_a_second_derivative_is_refused_instead_of_being_wrong():
    logits, labels = confident(1.0)
    logits.requires_grad_()
    loss = CrossEntropy()(logits, labels)
    (slope,) = torch.autograd.grad(loss.square().sum(), logits, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
