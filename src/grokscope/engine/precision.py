"""Matrix products of rounded factors: TF32 and bfloat16, summed in float32.

A GPU multiplies such factors many times faster. Elsewhere the factors are rounded first and then
multiplied in float32: no faster, but the same arithmetic, so that what the rounding does to a
network can be studied anywhere. Only products are rounded; weights, moments, sums and the loss are
not.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

MatmulPrecision = Literal["full", "tf32", "bf16"]

_aten = torch.ops.aten
_TF32_DROPPED_BITS = 13


def multiplied_in(precision: MatmulPrecision, device: torch.device) -> AbstractContextManager[Any]:
    """Within this context products have factors of that precision; backward passes too."""
    if precision == "full":
        return nullcontext()
    if precision == "tf32" and device.type == "cuda":
        return _native_tf32()
    return _RoundedFactors(_to_bf16 if precision == "bf16" else _to_tf32)


class _RoundedFactors(TorchDispatchMode):
    """Sees every operation below autograd, and rounds the factors of those that multiply."""

    def __init__(self, rounded: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._rounded = rounded

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func in (_aten.mm.default, _aten.bmm.default):
            return self._product(*args)
        if func in (_aten.addmm.default, _aten.baddbmm.default) and not kwargs:
            return self._product(*args[1:]) + args[0]
        return func(*args, **(kwargs or {}))

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        multiply = torch.mm if a.dim() == 2 else torch.bmm
        a, b = self._rounded(a), self._rounded(b)
        if a.dtype == torch.float32:
            return multiply(a, b)
        return cast(Any, multiply)(a, b, out_dtype=torch.float32)


def _to_bf16(x: Float[Tensor, "..."]) -> Tensor:
    """As bfloat16 where products of it can be summed in float32; else its values in float32."""
    rounded = x.bfloat16()
    return rounded if x.is_cuda else rounded.float()


def _to_tf32(x: Float[Tensor, "..."]) -> Tensor:
    """Round to the nearest number with ten bits behind the leading one, ties away from zero."""
    # copies, since a view of another type cannot be recorded
    bits = torch.view_copy(x.contiguous(), dtype=torch.int32)
    half = 1 << (_TF32_DROPPED_BITS - 1)
    return torch.view_copy((bits + half) & -(1 << _TF32_DROPPED_BITS), dtype=torch.float32)


@contextmanager
def _native_tf32() -> Any:  # noqa: ANN401
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
