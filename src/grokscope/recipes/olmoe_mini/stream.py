"""The training stream: documents in rows, each read once, and a log of which probe was read when.

Documents are packed into rows of one length. Position ids begin at 0 with every document, which
transformers turns into an attention mask that keeps them apart: what a document is to the model
does not depend on what shares its row, and is the same when the document is measured alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from grokscope.core.seeds import stream_seed
from grokscope.recipes.olmoe_mini.canary import EXPOSURES, canary
from grokscope.recipes.olmoe_mini.mixture import TOKEN_SHARES, Mixture
from grokscope.recipes.olmoe_mini.tokenizer import Words

BLOCK = 512
"""Documents that are drawn at once; a time within the stream is kept to within a block."""
_SAMPLE = 1_000
"""Documents of each domain that the tokenizer is trained on, and lengths are estimated from."""
IGNORED = -100


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A document that is measured again and again.

    Attributes:
        domain: its domain, or `canary`.
        tokens: with those of its beginning and its end.
        exposed: the steps whose batches it was in, 0 being the first; empty for a twin.
    """

    domain: str
    tokens: tuple[int, ...]
    exposed: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Rows of tokens in the order in which they are trained on.

    Attributes:
        tokens: (row, position); places behind the last document of a row hold its end token.
        positions: position ids, which begin anew with every document.
        labels: the tokens, but `IGNORED` where a document begins and behind the last one.
        probes: seen documents, their twins, and canaries.
    """

    tokens: Int[np.ndarray, "row position"]
    positions: Int[np.ndarray, "row position"]
    labels: Int[np.ndarray, "row position"]
    probes: tuple[Probe, ...]


@dataclass(kw_only=True)
class _Packer:
    """Fills rows, one document after another."""

    rows: int
    length: int
    fill: int
    tokens: list[list[int]] = field(default_factory=list[list[int]])
    starts: list[list[int]] = field(default_factory=list[list[int]])

    def add(self, document: Sequence[int]) -> int:
        """Put a document into the current row, or the next; the row."""
        document = document[: self.length]
        if not self.tokens or len(self.tokens[-1]) + len(document) > self.length:
            self.tokens.append([])
            self.starts.append([])
        self.starts[-1].append(len(self.tokens[-1]))
        self.tokens[-1] += document
        return len(self.tokens) - 1

    @property
    def is_full(self) -> bool:
        return len(self.tokens) > self.rows

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tokens, positions and labels of the full rows."""
        shape = (self.rows, self.length)
        tokens = np.full(shape, self.fill, dtype=np.int32)
        positions, labels = np.zeros(shape, np.int32), np.full(shape, IGNORED, np.int32)
        for row in range(self.rows):
            own, starts = self.tokens[row], self.starts[row]
            tokens[row, : len(own)] = labels[row, : len(own)] = own
            labels[row, starts] = IGNORED
            for start, end in zip(starts, [*starts[1:], self.length], strict=True):
                positions[row, start:end] = np.arange(end - start)
        return tokens, positions, labels


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How large a stream and its probes are.

    Attributes:
        rows: of the stream.
        length: of a row.
        batch: rows of a step.
        probes: seen documents of each domain, and as many twins.
        canaries: for each number of exposures, 0 among them.
    """

    rows: int
    length: int
    batch: int
    probes: int
    canaries: int


def make_words(mixture: Mixture, seed: int, d_vocab: int) -> tuple[Words, dict[str, float]]:
    """The tokenizer of a mixture, and the mean length of a document of each domain.

    The texts that it is trained on are spent: no pass reads them again.
    """
    rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/tokenizer"))
    drawn = {n: [d.draw(rng) for _ in range(_SAMPLE)] for n, d in mixture.domains.items()}
    drawn["canary"] = [canary(rng) for _ in range(_SAMPLE)]
    words = Words.trained_on([text for texts in drawn.values() for text in texts], d_vocab)
    lengths = {n: float(np.mean(list(map(len, words.documents(t))))) for n, t in drawn.items()}
    return words, lengths


def make_stream(
    mixture: Mixture, words: Words, lengths: dict[str, float], wanted: Wanted, seed: int
) -> Stream:
    """Draw twins first, then documents until the rows are full.

    Raises:
        UsageError: there is not enough text for a single pass.
    """
    rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/stream"))
    twins = [
        Probe(domain=name, tokens=tuple(tokens), exposed=())
        for name, domain in mixture.domains.items()
        for tokens in words.documents([domain.draw(rng) for _ in range(wanted.probes)])
    ]
    marks = _Marks.drawn(list(mixture.domains), words, wanted, rng)
    packer = _Packer(rows=wanted.rows, length=wanted.length, fill=words.end)
    names = list(mixture.domains)
    shares = np.array([TOKEN_SHARES[name] / lengths[name] for name in names])
    while not packer.is_full:
        chosen = [names[i] for i in rng.choice(len(names), BLOCK, p=shares / shares.sum())]
        texts = [mixture.domains[name].draw(rng) for name in chosen]
        block = list(zip(chosen, words.documents(texts), strict=True))
        part = len(packer.tokens) / wanted.rows
        for name, document in marks.with_canaries(block, part, rng):
            row = packer.add(document)
            if row < wanted.rows:
                marks.note(name, document, row // wanted.batch, part)
    tokens, positions, labels = packer.arrays()
    probes = (*marks.seen(), *twins, *marks.canaries())
    return Stream(tokens=tokens, positions=positions, labels=labels, probes=probes)


@dataclass(kw_only=True)
class _Marks:
    """Which documents become probes, and when canaries are due.

    Attributes:
        due: for each domain, parts of the stream after which its next document is kept, in order.
        kept: what was kept, with its step.
        sentences: the canaries.
        calls: (part of the stream, canary), in order.
        read: the steps of each canary.
    """

    due: dict[str, list[float]]
    kept: list[Probe]
    sentences: list[tuple[int, ...]]
    calls: list[tuple[float, int]]
    read: dict[int, list[int]]

    @classmethod
    def drawn(
        cls, names: list[str], words: Words, wanted: Wanted, rng: np.random.Generator
    ) -> "_Marks":
        due = {name: sorted(rng.random(wanted.probes).tolist()) for name in names}
        counts = [count for count in (*EXPOSURES, 0) for _ in range(wanted.canaries)]
        sentences = [tuple(one) for one in words.documents([canary(rng) for _ in counts])]
        calls = [(float(t), i) for i, count in enumerate(counts) for t in rng.random(count)]
        return cls(due=due, kept=[], sentences=sentences, calls=sorted(calls), read={})

    def with_canaries(
        self, block: list[tuple[str, list[int]]], part: float, rng: np.random.Generator
    ) -> Iterator[tuple[str, list[int]]]:
        """The block with the canaries that are due, at random places."""
        due: list[tuple[str, list[int]]] = []
        while self.calls and self.calls[0][0] <= part:
            due.append((str(self.calls[0][1]), list(self.sentences[self.calls.pop(0)[1]])))
        mixed = block + due
        yield from (mixed[i] for i in rng.permutation(len(mixed)))

    def note(self, name: str, document: list[int], step: int, part: float) -> None:
        """A document was packed: a canary, or one that is kept as a probe."""
        if name.isdecimal():
            self.read.setdefault(int(name), []).append(step)
        elif self.due[name] and self.due[name][0] <= part:
            self.due[name].pop(0)
            self.kept.append(Probe(domain=name, tokens=tuple(document), exposed=(step,)))

    def seen(self) -> list[Probe]:
        return self.kept

    def canaries(self) -> list[Probe]:
        return [
            Probe(domain="canary", tokens=tokens, exposed=tuple(sorted(set(self.read.get(i, [])))))
            for i, tokens in enumerate(self.sentences)
        ]
