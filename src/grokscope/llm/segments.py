"""Which sample each token of a batch belongs to.

A pathway (arXiv 2506.21551) is a mean over the tokens of one sample. A batch holds padding, which
belongs to nobody, and may hold several documents in one row, one after the other.

This sorts what the model computed; it does not keep a document from reading the one before it. The
models of transformers see to that themselves where positions start again, but only without an
attention mask and with `use_cache=False`, and not in every family (not in GPT-OSS, nor where there
is a recurrence or a convolution).
"""

import torch
from jaxtyping import Int, Int64
from torch import Tensor

from grokscope.core.errors import SettingError

Batch = Int[Tensor, "batch sequence"]
Samples = Int64[Tensor, "batch sequence"]

NOBODY = -1
"""The sample of a token that counts for nothing."""


def token_samples(
    *,
    attention_mask: Tensor | None = None,
    segments: Tensor | None = None,
    position_ids: Tensor | None = None,
) -> Int64[Tensor, " token"]:
    """The sample of each token, row by row, and -1 for tokens that count for nothing.

    By segments where they are given; otherwise by documents, numbered through the batch in their
    order, where there are positions; otherwise a row of the batch is a sample.

    Args:
        attention_mask: (batch, sequence), 0 for padding; bool or a number.
        segments: (batch, sequence), the sample of each token, negative for those of none. It need
            not start at 0, nor be sorted: a sample may have tokens in several rows.
        position_ids: (batch, sequence), starting again from 0 with every document in a row.

    Raises:
        SettingError: none is given, one is not of two axes, or their shapes differ.
    """
    given = {
        "attention_mask": attention_mask,
        "segments": segments,
        "position_ids": position_ids,
    }
    shape = _shape(given)
    device = next(one.device for one in given.values() if one is not None)
    counted = torch.ones(shape, dtype=torch.bool, device=device)
    if attention_mask is not None:
        counted = attention_mask != 0
    if segments is not None:
        counted = counted & (segments >= 0)
        samples = segments.long()
    elif position_ids is not None:
        samples = _documents(position_ids, counted)
    else:
        samples = torch.arange(shape[0], device=device)[:, None].expand(shape)
    return samples.masked_fill(~counted, NOBODY).flatten()


def _shape(given: dict[str, Tensor | None]) -> torch.Size:
    shapes = {name: one.shape for name, one in given.items() if one is not None}
    if not shapes:
        raise SettingError("attention_mask", "given, or `segments`, or `position_ids`", None)
    first, expected = next(iter(shapes.items()))
    for name, shape in shapes.items():
        if len(shape) != 2:
            raise SettingError(name, "of shape (batch, sequence)", tuple(shape))
        if shape != expected:
            raise SettingError(name, f"of the shape of `{first}`, {tuple(expected)}", tuple(shape))
    return expected


def _documents(position_ids: Batch, counted: Tensor) -> Samples:
    """Documents numbered through the batch; padding between, before or behind them has no number.

    Padding in front may have any position, so that a row's first token that counts starts one too.
    """
    first_of_row = counted & (counted.cumsum(1) == 1)
    starts = counted & (position_ids == 0) | first_of_row
    return starts.flatten().cumsum(0).sub(1).view(starts.shape)
