"""Attention within a row: values and gradients of the plain one, and no second derivative."""

import pytest
import torch

from grokscope.models.row_attention import Differences, attend_in_row

N_MODELS, N_ROWS, N_HEADS, D_HEAD = 2, 6, 3, 4
RATE = torch.tensor([0.3, 1.0], dtype=torch.float64)


def leaves(count: int) -> list[torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    shape = (N_MODELS, N_ROWS, N_HEADS * D_HEAD)
    return [
        torch.randn(shape, generator=stream, dtype=torch.float64).requires_grad_()
        for _ in range(count)
    ]


def ours(
    queries: list[torch.Tensor], keys: list[torch.Tensor], values: list[torch.Tensor]
) -> torch.Tensor:
    total = (RATE + len(keys) * (1 - RATE))[:, None, None]
    seen = Differences(
        keys=[key - keys[-1] for key in keys[:-1]],
        values=[value - values[-1] for value in values[:-1]],
        base=total * values[-1],
    )
    return torch.stack(attend_in_row(queries, seen, RATE, N_HEADS))


def plain(
    queries: list[torch.Tensor], keys: list[torch.Tensor], values: list[torch.Tensor]
) -> torch.Tensor:
    q, k, v = (
        torch.stack(some).unflatten(3, (N_HEADS, D_HEAD)) for some in (queries, keys, values)
    )
    scores = torch.einsum("qmrhe,kmrhe->mrhqk", q, k) / D_HEAD**0.5
    rate = RATE[:, None, None, None, None]
    shares = rate * scores.softmax(-1) + (1 - rate)
    return torch.einsum("mrhqk,kmrhe->qmrhe", shares, v).flatten(3)


@pytest.mark.parametrize(("n_queries", "n_seen"), [(1, 1), (1, 2), (2, 2), (1, 3), (3, 3), (2, 4)])
def test_values_and_all_gradients_are_the_plain_ones(n_queries: int, n_seen: int):
    inputs = leaves(n_queries + 2 * n_seen)
    parts = inputs[:n_queries], inputs[n_queries:-n_seen], inputs[-n_seen:]
    found, expected = ours(*parts), plain(*parts)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-13)
    pairs = zip(
        torch.autograd.grad(found.tanh().sum(), inputs, allow_unused=True),
        torch.autograd.grad(expected.tanh().sum(), inputs),
        strict=True,
    )
    for fast, slow in pairs:
        found = torch.zeros_like(slow) if fast is None else fast
        assert torch.allclose(found, slow, rtol=1e-11, atol=1e-13)


def test_what_is_not_finite_stays_in_its_network():
    inputs = [x.detach() for x in leaves(6)]
    parts = inputs[:2], inputs[2:4], inputs[4:]
    before = ours(*parts)
    for x in inputs:
        x[1] = torch.nan
    after = ours(*parts)
    assert torch.equal(after[:, 0], before[:, 0])
    assert after[:, 1].isnan().all()


def test_scores_may_be_as_large_as_numbers_get():
    inputs = [x.detach() for x in leaves(6)]
    inputs[0] = inputs[0] * 1e150
    parts = inputs[:2], inputs[2:4], inputs[4:]
    assert torch.allclose(ours(*parts), plain(*parts), rtol=1e-10, atol=1e-12)


def test_a_second_derivative_is_refused_instead_of_being_wrong():
    inputs = leaves(6)
    z = ours(inputs[:2], inputs[2:4], inputs[4:])
    (slope,) = torch.autograd.grad(z.tanh().sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
