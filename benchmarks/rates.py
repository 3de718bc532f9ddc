"""What the machine can do: the rate of a large matrix product, and of moving memory.

Both are measured, not looked up: a large square float32 product (2048 rows on a CPU, 8192 on CUDA)
counts 2·n³ operations, and the triad c = a + 3·b over buffers far larger than any cache counts two
reads and a write.
"""

from collections.abc import Callable
from typing import Literal

import torch

PRODUCT_ROWS = {"cpu": 2048, "cuda": 8192}
TRIAD_NUMBERS = 2**26  # 256 MiB per buffer, three of them

Precision = Literal["highest", "high"]
"""`highest` is float32 throughout; `high` lets CUDA round the factors to TF32."""


def product(device: str, precision: Precision = "highest") -> Callable[[], None]:
    """One large square product, at a precision of its own."""
    n = PRODUCT_ROWS[device]
    a, b, c = (torch.randn(n, n, device=device) for _ in range(3))

    def run() -> None:
        torch.set_float32_matmul_precision(precision)
        torch.mm(a, b, out=c)
        torch.set_float32_matmul_precision("highest")

    return run


def triad(device: str) -> Callable[[], object]:
    """One pass c = a + 3·b."""
    a, b, c = (torch.ones(TRIAD_NUMBERS, device=device) for _ in range(3))
    return lambda: torch.add(a, b, alpha=3.0, out=c)


def gflops(product_ms: float, device: str) -> float:
    """Rate of a large product that took so long."""
    return 2.0 * PRODUCT_ROWS[device] ** 3 / product_ms / 1e6


def gigabytes_per_second(triad_ms: float) -> float:
    """Bandwidth of a triad that took so long."""
    return 3 * 4.0 * TRIAD_NUMBERS / triad_ms / 1e6
