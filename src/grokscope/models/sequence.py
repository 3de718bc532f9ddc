"""Rows as sequences of tokens: what a model adds to them, and where it reads its answer."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Sequence:
    """The operands of a row, perhaps with `op` behind the first and `=` behind the last.

    Behind the end of a shorter row come tokens that under a causal mask nobody sees.
    """

    d_vocab: int
    """Operand tokens; `op` and `=` follow them in this order."""
    operator_token: bool
    equals_token: bool

    def __call__(self, inputs: Int[Tensor, "model row slot"]) -> Int[Tensor, "model row pos"]:
        """Every position's token."""
        tokens = inputs
        if self.operator_token:
            first = tokens[..., :1]
            tokens = torch.cat([first, torch.full_like(first, self.d_vocab), tokens[..., 1:]], -1)
        if self.equals_token:
            tokens = torch.cat([tokens, torch.full_like(tokens[..., :1], -1)], -1)
            position = torch.arange(tokens.shape[-1], device=tokens.device)
            is_end = position == self.last(inputs).unsqueeze(2)
            tokens = tokens.masked_fill(is_end, self.d_vocab + self.operator_token)
        return tokens.clamp(min=0)

    def flat(self, inputs: Int[Tensor, "model row slot"]) -> Int[Tensor, "model row_pos 1"]:
        """The same, each position as a row of its own."""
        return self(inputs).flatten(1).unsqueeze(2)

    def last(self, inputs: Int[Tensor, "model row slot"]) -> Int[Tensor, "model row"]:
        """The position of the last token, where the answer is read."""
        return (inputs >= 0).sum(-1) - 1 + self.operator_token + self.equals_token
