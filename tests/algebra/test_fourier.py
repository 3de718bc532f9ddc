"""The real Fourier basis of Z_n."""

import pytest
import torch

from grokscope.algebra.fourier import fourier_basis, frequency_rows, n_frequencies
from grokscope.core.errors import SettingError
from reference.fourier import slow_basis


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 11, 58, 113])
def test_rows_are_orthonormal(n: int):
    basis = fourier_basis(n)
    torch.testing.assert_close(basis @ basis.T, torch.eye(n, dtype=torch.float64))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 11])
def test_basis_agrees_with_explicit_loops(n: int):
    expected = torch.tensor(slow_basis(n), dtype=torch.float64)
    torch.testing.assert_close(fourier_basis(n), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [2, 3, 7, 8, 113])
def test_frequencies_share_out_every_row_but_the_constant(n: int):
    rows = [r for k in range(1, n_frequencies(n) + 1) for r in range(n)[frequency_rows(k, n)]]
    assert rows == list(range(1, n))


def test_the_alternating_row_is_last_and_alone_for_even_order():
    assert frequency_rows(4, 8) == slice(7, 8)
    torch.testing.assert_close(fourier_basis(8)[7, :2] * 8**0.5, torch.tensor([1.0, -1.0]).double())


@pytest.mark.parametrize("k", [0, 4])
def test_frequencies_that_do_not_exist_are_refused(k: int):
    with pytest.raises(SettingError, match="between 1 and 3"):
        frequency_rows(k, 7)


def test_an_empty_group_is_refused():
    with pytest.raises(SettingError, match="at least 1"):
        fourier_basis(0)
