"""Look-ups: values and gradients of fancy indexing, with tokens that no row or many rows hold."""

import pytest
import torch

from grokscope.models.lookup import look_up, weighted_look_up
from grokscope.models.rows import Rows

N_TOKENS = 5


def rows(n_models: int = 3, n_rows: int = 40) -> Rows:
    stream = torch.Generator().manual_seed(1)
    inputs = torch.randint(0, N_TOKENS - 1, (n_models, n_rows, 2), generator=stream)
    return Rows(inputs)  # nobody holds the last token


def leaf(*shape: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=stream, dtype=torch.float64).requires_grad_()


def assert_same(ours: torch.Tensor, theirs: torch.Tensor, leaves: list[torch.Tensor]) -> None:
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    pairs = zip(
        torch.autograd.grad(ours.tanh().sum(), leaves),
        torch.autograd.grad(theirs.tanh().sum(), leaves),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-13) for a, b in pairs)


def test_look_up_is_indexing_and_adding():
    seen, first, second = rows(), leaf(3, N_TOKENS, 7), leaf(3, N_TOKENS, 7)
    which = torch.arange(3).unsqueeze(1)
    a, b = seen.inputs.unbind(-1)
    ours = look_up(seen, [((0,), first), ((1,), second)])
    assert_same(ours, first[which, a] + second[which, b], [first, second])


def test_a_table_of_pairs_is_indexed_by_both_operands():
    seen, pairs = rows(), leaf(3, N_TOKENS**2, 2)
    a, b = seen.inputs.unbind(-1)
    theirs = pairs.unflatten(1, (N_TOKENS, N_TOKENS))[torch.arange(3).unsqueeze(1), a, b]
    assert_same(look_up(seen, [((0, 1), pairs)]), theirs, [pairs])


@pytest.mark.parametrize("n_vectors", [(4, 4), (4, 5), (1, 3)])
def test_weighted_look_up_is_a_weighted_sum_of_indexed_vectors(n_vectors: tuple[int, int]):
    seen = rows()
    tables = [leaf(3, N_TOKENS, n, 7) for n in n_vectors]
    weights = [leaf(3, 40, n) for n in n_vectors]
    which = torch.arange(3).unsqueeze(1)
    theirs = sum(
        (weight.unsqueeze(3) * table[which, seen.inputs[..., slot]]).sum(2)
        for slot, (table, weight) in enumerate(zip(tables, weights, strict=True))
    )
    assert isinstance(theirs, torch.Tensor)
    assert_same(weighted_look_up(seen, tables, weights), theirs, [*tables, *weights])


def test_gradients_have_the_same_bits_every_time():
    seen, table = rows(1, 4000), torch.randn(1, N_TOKENS, 3, requires_grad=True)
    passed = torch.randn(1, 4000, 3)
    first, *others = (
        torch.autograd.grad(look_up(seen, [((0,), table)]), table, passed)[0] for _ in range(5)
    )
    assert all(torch.equal(first, other) for other in others)
