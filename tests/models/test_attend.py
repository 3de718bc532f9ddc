"""Attention over named entries: values and gradients of the plain one, and no second derivative."""

from collections.abc import Sequence

import pytest
import torch

from grokscope.models.attend import Sight, Twins, attend, pick

N_MODELS, N_ENTRIES, N_QUERIES, N_SEEN, N_HEADS, D_HEAD = 3, 5, 40, 4, 2, 3


def leaves(*n_rows: int) -> list[torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    shapes = [(N_MODELS, n, N_HEADS * D_HEAD) for n in n_rows]
    return [
        torch.randn(shape, generator=stream, dtype=torch.float64).requires_grad_()
        for shape in shapes
    ]


EARLIER, LATER, ALONE = slice(0, 15), slice(15, 30), slice(30, N_QUERIES)


def sight() -> Sight:
    """Nobody sees the last entry; some queries have twins that see less, others have none."""
    stream = torch.Generator().manual_seed(1)
    seen = torch.randint(0, N_ENTRIES - 1, (N_SEEN, N_MODELS, N_QUERIES), generator=stream)
    seen[..., EARLIER] = seen[..., LATER]
    hidden = torch.rand(N_SEEN, N_QUERIES, generator=stream) < 0.4
    hidden[0] = False
    hidden[3:, LATER] = True
    hidden[2:, EARLIER] = True
    return Sight(seen, hidden, [Twins(LATER, 3, EARLIER, 2), Twins(ALONE, N_SEEN)])


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Every query's own keys and values laid out, then softmax and sum."""
    seen, hidden, _ = sight()
    which = torch.arange(N_MODELS).unsqueeze(1)
    keys, values = (x[which, seen].unflatten(3, (N_HEADS, D_HEAD)) for x in (k, v))
    scores = (q.unflatten(2, (N_HEADS, D_HEAD)) * keys).sum(-1) / D_HEAD**0.5
    scores = scores.masked_fill(hidden[:, None, :, None], -torch.inf)
    return (scores.softmax(0).unsqueeze(-1) * values).sum(0).flatten(2)


def assert_same(ours: torch.Tensor, theirs: torch.Tensor, inputs: Sequence[torch.Tensor]) -> None:
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    pairs = zip(
        torch.autograd.grad(ours.tanh().sum(), inputs),
        torch.autograd.grad(theirs.tanh().sum(), inputs),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-13) for a, b in pairs)


def test_values_and_all_gradients_are_the_plain_ones():
    q, k, v = leaves(N_QUERIES, N_ENTRIES, N_ENTRIES)
    assert_same(attend(q, torch.cat([k, v], 2), sight(), N_HEADS), plain(q, k, v), [q, k, v])


def test_queries_need_not_be_contiguous():
    q, k, v = leaves(2 * N_QUERIES, N_ENTRIES, N_ENTRIES)
    tail = q[:, -N_QUERIES:]
    assert_same(attend(tail, torch.cat([k, v], 2), sight(), N_HEADS), plain(tail, k, v), [q, k, v])


def test_pick_is_indexing():
    (entries,) = leaves(N_ENTRIES)
    chosen = sight()[0][1]
    theirs = entries[torch.arange(N_MODELS).unsqueeze(1), chosen]
    assert_same(pick(entries, chosen), theirs, [entries])


def test_what_is_not_finite_stays_in_its_network():
    q, k, v = (x.detach() for x in leaves(N_QUERIES, N_ENTRIES, N_ENTRIES))
    before = attend(q, torch.cat([k, v], 2), sight(), N_HEADS)
    k[1], v[1] = torch.nan, torch.inf
    after = attend(q, torch.cat([k, v], 2), sight(), N_HEADS)
    assert torch.equal(after[[0, 2]], before[[0, 2]])
    assert after[1].isnan().all()


def test_a_second_derivative_is_refused_instead_of_being_wrong():
    q, k, v = leaves(N_QUERIES, N_ENTRIES, N_ENTRIES)
    z = attend(q, torch.cat([k, v], 2), sight(), N_HEADS)
    (slope,) = torch.autograd.grad(z.tanh().sum(), q, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
