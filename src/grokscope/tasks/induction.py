"""Repeated subsequences, the task of induction heads in the appendix of arXiv 2301.05217."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.tasks.base import Table, Task
from grokscope.tasks.sample import distinct_rows, prefixes


@dataclass(frozen=True, kw_only=True)
class Induction(Task):
    """Sequences in which one subsequence comes several times, at random places that don't overlap.

    A row is a sequence up to a place inside a repetition, behind its first token; what comes next
    is what came next before. All rows of a sequence are on the same side of the split. The
    published setting has 512 sequences to train on, `length` 85, `subsequence` 16, `repeats` 3 and
    `vocabulary` 128. Unlike there, only those places are learned that can be known, and tokens of a
    sequence are all different but for the repetitions, so that each row has one right answer.
    """

    train_fraction: float = 0.5
    length: int = 24
    """Tokens of a sequence."""
    subsequence: int = 5
    """Tokens of what is repeated, at least 2."""
    repeats: int = 3
    """How often it is there, at least 2."""
    vocabulary: int = 32
    """Different tokens."""
    sequences: int = 512
    """Sequences for training and test together; no two are equal up to the first repetition."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("subsequence", "repeats"):
            if getattr(self, name) < 2:
                raise SettingError(name, "at least 2", getattr(self, name))
        shortest = self.subsequence * self.repeats
        if self.length < shortest:
            raise SettingError(
                "length", f"at least `subsequence` · `repeats` = {shortest}", self.length
            )
        if self.vocabulary < self._n_different:
            rule = f"at least {self._n_different}, the different tokens of a sequence"
            raise SettingError("vocabulary", rule, self.vocabulary)
        if not 1 <= self.sequences <= self._n_beginnings:
            rule = f"from 1 to {self._n_beginnings:,}, all that differ"
            raise SettingError("sequences", rule, self.sequences)

    @property
    def _n_different(self) -> int:
        """Different tokens in a sequence."""
        return self.length - (self.repeats - 1) * self.subsequence

    @property
    def _n_beginnings(self) -> int:
        """Different rows that end behind the first repeated token."""
        seconds = range(self.subsequence, self._n_different + 1)
        return sum((s - self.subsequence + 1) * math.perm(self.vocabulary, s) for s in seconds)

    @property
    def exact_name(self) -> str:
        """Such as `induction, 5 tokens 3 times`."""
        return f"induction, {self.subsequence} tokens {self.repeats} times"

    def exact_table(self) -> Table:
        """Rows ordered by sequence, then by place."""
        stream = self.stream("sequences")

        def draw(count: int) -> Int[Tensor, "count both"]:
            return torch.stack([self._sequence(stream) for _ in range(count)])

        def beginning(both: Int[Tensor, "count both"]) -> Int[Tensor, "count slot"]:
            return prefixes(both[:, : self.length], both[:, self.length + 1] + 1)

        # rows that begin in different ways differ, so that no test row is trained on
        drawn = distinct_rows(draw, self.sequences, beginning)
        tokens, starts = drawn[:, : self.length], drawn[:, self.length :]
        ends = (starts[:, 1:, None] + torch.arange(1, self.subsequence)).flatten(1)
        sequence = torch.arange(self.sequences).repeat_interleave(ends.shape[1])
        return Table(
            inputs=prefixes(tokens[sequence, :-1], ends.flatten()),
            labels=tokens.gather(1, ends).flatten(),
            d_vocab=self.vocabulary,
            n_classes=self.vocabulary,
            mirror=torch.arange(len(sequence)),
            bundle=sequence,
        )

    def _sequence(self, stream: torch.Generator) -> Int[Tensor, " both"]:
        """Tokens, then where each repetition starts."""
        different = torch.randperm(self.vocabulary, generator=stream)[: self._n_different]
        repeated, others = different.split([self.subsequence, len(different) - self.subsequence])
        # a place holds one of the others or a whole repetition
        places = torch.randperm(len(others) + self.repeats, generator=stream)[: self.repeats]
        starts = places.sort().values + torch.arange(self.repeats) * (self.subsequence - 1)
        inside = (starts.unsqueeze(1) + torch.arange(self.subsequence)).flatten()
        is_other = torch.ones(self.length, dtype=torch.bool)
        is_other[inside] = False
        tokens = torch.empty(self.length, dtype=torch.long)
        tokens[inside], tokens[is_other] = repeated.repeat(self.repeats), others
        return torch.cat([tokens, starts])
