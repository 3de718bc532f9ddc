"""Probes: samples that are measured again and again while a model trains.

A probe set is fixed before training. Beside samples that are trained on it can hold their *twins*
(of the same source, never trained on), which tell memory from what is merely predictable, and
questions with one right answer: *train* about what is in the training data, *test* about what
must be inferred.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from grokscope.core.errors import SettingError, UsageError

Role = Literal["seen", "twin", "train", "test"]
ROLES: tuple[Role, ...] = ("seen", "twin", "train", "test")


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One sample.

    Attributes:
        domain: where it is from; measures are taken by domain.
        tokens: its token ids.
        counted: which tokens count in its loss, the first never does; all of them where None.
        role: `seen` in training, its `twin`, or a question about `train` or `test` facts.
        answer: at which token its answer begins, if it has one: it is right if every token from
            there on is the most likely one.
        exposed: the steps whose updates it was part of, rising; None where nobody knows, and empty
            where it never is.

    Raises:
        SettingError: a value breaks its rule.
    """

    domain: str
    tokens: tuple[int, ...]
    counted: tuple[bool, ...] | None = None
    role: Role = "seen"
    answer: int | None = None
    exposed: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(token, Integral) for token in self.tokens):
            raise SettingError("tokens", "token ids, whole numbers", self.tokens)
        if len(self.tokens) < 2:
            raise SettingError("tokens", "at least two, one of them to be predicted", self.tokens)
        if self.counted is not None and len(self.counted) != len(self.tokens):
            raise SettingError("counted", "one for each token", len(self.counted))
        if min(self.tokens) < 0:
            raise SettingError("tokens", "at least 0", min(self.tokens))
        if self.role not in ROLES:
            raise SettingError("role", f"one of {', '.join(ROLES)}", self.role)
        if self.answer is not None and not 0 < self.answer < len(self.tokens):
            raise SettingError("answer", f"in 1 … {len(self.tokens) - 1}", self.answer)
        require_domain(self.domain)
        steps = self.exposed or ()
        if list(steps) != sorted(set(steps)) or (steps and steps[0] < 0):
            raise SettingError("exposed", "rising steps of at least 0", steps)

    @property
    def group(self) -> str:
        """Its domain, with its role behind a slash unless it is `seen`."""
        return self.domain if self.role == "seen" else f"{self.domain}/{self.role}"


@dataclass(frozen=True)
class ProbeSet:
    """Probes in a fixed order.

    Raises:
        UsageError: there is none, or two domains differ only in case, which columns cannot.
    """

    probes: tuple[Probe, ...]

    def __post_init__(self) -> None:
        if not self.probes:
            raise UsageError("There is no probe: at least one sample is needed.")
        require_names(self.domains)

    def __len__(self) -> int:
        return len(self.probes)

    @cached_property
    def groups(self) -> dict[str, Int64[np.ndarray, " _"]]:
        """The probes of each domain and role, by name."""
        found: dict[str, list[int]] = {}
        for index, probe in enumerate(self.probes):
            found.setdefault(probe.group, []).append(index)
        return {name: np.array(own, dtype=np.int64) for name, own in found.items()}

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains."""
        return tuple(dict.fromkeys(probe.domain for probe in self.probes))

    @property
    def largest_token(self) -> int:
        """The largest token id."""
        return max(max(probe.tokens) for probe in self.probes)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with anything in any probe."""
        text = "\n".join(map(_text, self.probes))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def exposed(self) -> Float64[np.ndarray, " probe"]:
        """The first step after whose update each probe has been seen.

        A sample of the batch of step s, counted from 0, has been seen after s + 1 updates. Infinite
        for twins, tests and whatever is never read; 0 where nobody knows.
        """
        return np.array([_first(probe) for probe in self.probes])

    def batches(self, size: int) -> list[Int64[np.ndarray, " _"]]:
        """The probes in batches of alike lengths, so that little is padded."""
        lengths = [len(probe.tokens) for probe in self.probes]
        order = np.argsort(lengths, kind="stable").astype(np.int64)
        return [order[start : start + size] for start in range(0, len(order), size)]

    def padded(
        self, rows: Sequence[int] | Int64[np.ndarray, " probe"], fill: int = 0
    ) -> tuple[Int64[np.ndarray, "probe position"], Int64[np.ndarray, "probe position"]]:
        """Token ids with padding on the right, and the attention mask."""
        own = [self.probes[int(i)].tokens for i in rows]
        width = max(map(len, own))
        ids = np.full((len(own), width), fill, dtype=np.int64)
        mask = np.zeros((len(own), width), dtype=np.int64)
        for row, tokens in enumerate(own):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return ids, mask

    def counted(
        self, rows: Sequence[int] | Int64[np.ndarray, " _"], width: int
    ) -> Float64[np.ndarray, "_ position"]:
        """1 where a token counts in the loss; 0 elsewhere, and at the first and the padding."""
        found = np.zeros((len(rows), width))
        for row, index in enumerate(rows):
            probe = self.probes[int(index)]
            found[row, 1 : len(probe.tokens)] = 1 if probe.counted is None else probe.counted[1:]
        return found


def require_domain(name: str) -> None:
    """Refuse what cannot be the middle part of a column's name.

    Raises:
        SettingError: it is empty, or has a slash.
    """
    if not name or "/" in name:
        raise SettingError("domain", "a name without a slash", name)


def require_names(domains: Sequence[str]) -> None:
    """Refuse domains whose columns SQL cannot tell apart.

    Raises:
        UsageError: two differ only in case.
    """
    known: dict[str, str] = {}
    for name in domains:
        other = known.setdefault(name.casefold(), name)
        if other != name:
            raise UsageError(f"The domains {other!r} and {name!r} differ only in case: rename one.")


def _text(probe: Probe) -> str:
    exposed = None if probe.exposed is None else [int(step) for step in probe.exposed]
    tokens = [int(token) for token in probe.tokens]
    return repr((probe.domain, probe.role, probe.answer, exposed, tokens, probe.counted))


def _first(probe: Probe) -> float:
    if probe.role != "seen":
        return float("inf")
    if probe.exposed is None:
        return 0.0
    return probe.exposed[0] + 1.0 if probe.exposed else float("inf")
