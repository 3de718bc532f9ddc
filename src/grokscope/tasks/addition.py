"""Addition of numbers digit by digit, as in the appendix of arXiv 2301.05217."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.tasks.base import Table, Task
from grokscope.tasks.sample import distinct_rows, prefixes

PLUS, EQUALS = 10, 11


@dataclass(frozen=True, kw_only=True)
class DigitAddition(Task):
    """One digit of a + b per row: all that is written before it, `a + b =` and the digits so far.

    Tokens are the digits, `+` (10) and `=` (11); numbers start with their most significant digit,
    zeros included, and sums have a digit more. To learn every digit from all that is before it is
    to learn whole sums at once with causal attention. The published network saw 700 sums, which is
    what the defaults train on. A sum and its mirror image, b + a, count as one and are never both
    there; all digits of a sum are on the same side of the split.
    """

    train_fraction: float = 0.5
    digits: int = 5
    """Digits of a and b each."""
    problems: int = 1400
    """Sums for training and test together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.digits <= 18:
            raise SettingError("digits", "from 1 to 18", self.digits)
        most = 10**self.digits * (10**self.digits + 1) // 2
        if not 1 <= self.problems <= most:
            rule = f"from 1 to {most:,}, the sums of {self.digits} digits"
            raise SettingError("problems", rule, self.problems)

    @property
    def exact_name(self) -> str:
        """Such as `5-digit addition`."""
        return f"{self.digits}-digit addition"

    def exact_table(self) -> Table:
        """Rows ordered by sum, then by digit; the sums in the order in which they were drawn."""
        a, b = self._operands().unbind(1)
        answers = _written(a + b, self.digits + 1)
        sign = torch.ones(len(a), 1, dtype=torch.long)
        equation = [_written(a, self.digits), PLUS * sign, _written(b, self.digits), EQUALS * sign]
        text = torch.cat([*equation, answers[:, :-1]], 1)
        digit = torch.arange(self.digits + 1).repeat(len(a))
        return Table(
            inputs=prefixes(
                text.repeat_interleave(self.digits + 1, 0), 2 * self.digits + 2 + digit
            ),
            labels=answers.flatten(),
            d_vocab=12,
            n_classes=10,
            mirror=torch.arange(len(digit)),
            bundle=torch.arange(len(a)).repeat_interleave(self.digits + 1),
        )

    def _operands(self) -> Int[Tensor, "problem 2"]:
        stream = self.stream("problems")

        def draw(count: int) -> Int[Tensor, "count 2"]:
            return torch.randint(10**self.digits, (count, 2), generator=stream).sort(1).values

        pairs = distinct_rows(draw, self.problems)
        swap = torch.randint(2, (self.problems, 1), generator=stream).bool()
        return torch.where(swap, pairs.flip(1), pairs)


def _written(numbers: Int[Tensor, " row"], n_digits: int) -> Int[Tensor, "row digit"]:
    """Decimal digits, the most significant one first."""
    powers = torch.tensor([10**i for i in reversed(range(n_digits))])
    return numbers.unsqueeze(1) // powers % 10
