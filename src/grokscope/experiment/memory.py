"""Out of memory, said in one line instead of a stack trace."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from grokscope.core.errors import MemoryExceededError


@contextmanager
def explain_memory(networks: int) -> Generator[None]:
    """Turn an allocation failure into advice.

    Raises:
        MemoryExceededError: what was asked for does not fit.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        exhausted = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not exhausted and "can't allocate memory" not in str(error):
            raise
        message = (
            f"The table and {networks} network(s) do not fit in memory: "
            "take a smaller task or model, or train fewer at a time with `--capacity`."
        )
        raise MemoryExceededError(message) from error
