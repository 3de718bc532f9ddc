"""The real Fourier basis of functions on the cyclic group Z_n."""

import functools
import math

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.core.errors import SettingError


def n_frequencies(n: int) -> int:
    """Number of frequencies k = 1 … n//2 above the constant; (n-1)/2 when n is odd."""
    return n // 2


def fourier_basis(n: int) -> Float64[Tensor, "n n"]:
    """Orthonormal rows: the constant, then cosine and sine of each frequency.

    The rows of frequency k hold √(2/n)·cos(2πkx/n) and √(2/n)·sin(2πkx/n) for x = 0 … n-1. For
    even n the last row is the alternating one, (-1)^x/√n: the highest frequency n/2, which has no
    sine.

    Raises:
        SettingError: when n is less than 1.
    """
    if n < 1:
        raise SettingError("n", "at least 1", n)
    # k·x is reduced mod n before the cosine: exact for integers, so large angles lose no digits.
    k = torch.arange(1, (n - 1) // 2 + 1).unsqueeze(1)
    angle = (k * torch.arange(n) % n).double() * (2 * math.pi / n)
    waves = torch.stack([angle.cos(), angle.sin()], dim=1).flatten(0, 1) * math.sqrt(2 / n)
    constant = torch.full((1, n), n**-0.5, dtype=torch.float64)
    if n % 2:
        return torch.cat([constant, waves])
    alternating = constant * (1 - 2 * (torch.arange(n) % 2))
    return torch.cat([constant, waves, alternating])


@functools.lru_cache(maxsize=32)
def basis_on(n: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "n n"]:
    """`fourier_basis` in one precision on one device, to be read only.

    It is kept: a copy to a device waits for all that the device still has to do.
    """
    return fourier_basis(n).to(device=device, dtype=dtype)


def frequency_rows(k: int, n: int) -> slice:
    """Rows of `fourier_basis(n)` that belong to frequency k: two, or one when k = n/2.

    Raises:
        SettingError: when k is outside 1 … n//2.
    """
    if not 1 <= k <= n_frequencies(n):
        raise SettingError("k", f"between 1 and {n_frequencies(n)}", k)
    return slice(2 * k - 1, min(2 * k + 1, n))


def by_frequency(rows: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch frequency"]:
    """Numbers of the basis rows, the constant left out, summed over each frequency's rows."""
    total = rows[..., 1::2].clone()
    sines = rows[..., 2::2]  # for even n the highest frequency has none
    total[..., : sines.shape[-1]] += sines
    return total
