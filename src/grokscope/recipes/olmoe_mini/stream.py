"""The training stream: documents in rows, each read once, and a log of which probe was read when.

Documents are packed into rows of one length. Position ids begin at 0 with every document, which
transformers turns into an attention mask that keeps them apart: what a document is to the model
does not depend on what shares its row, and is the same when the document is measured alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from grokscope.core.seeds import stream_seed
from grokscope.llm.probe import Probe, Role
from grokscope.recipes.olmoe_mini.canary import EXPOSURES, canary
from grokscope.recipes.olmoe_mini.domain import text_of
from grokscope.recipes.olmoe_mini.mixture import Mixture
from grokscope.recipes.olmoe_mini.tokenizer import Tokens, Words

BLOCK = 128
"""Documents that are drawn at once; a time within the stream is kept to within a block."""
_SAMPLE = 1_000
"""Documents of each domain that the tokenizer is trained on, and lengths are estimated from."""
IGNORED = -100


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Rows of tokens in the order in which they are trained on.

    Attributes:
        tokens: (row, position); places behind the last document of a row hold its end token.
        positions: position ids, which begin anew with every document.
        labels: the tokens that are learned, `IGNORED` elsewhere.
        probes: seen documents, their twins, and canaries.
    """

    tokens: Int[np.ndarray, "row position"]
    positions: Int[np.ndarray, "row position"]
    labels: Int[np.ndarray, "row position"]
    probes: tuple[Probe, ...]


class _Packer:
    """Fills rows, one document after another."""

    def __init__(self, rows: int, length: int, fill: int) -> None:
        self.tokens = np.full((rows, length), fill, dtype=np.int32)
        self.positions = np.tile(np.arange(length, dtype=np.int32), (rows, 1))
        self.labels = np.full((rows, length), IGNORED, dtype=np.int32)
        self.row, self._used = 0, 0

    def add(self, document: Tokens) -> int:
        """Put a document into the current row, or the next; the row, which may be one too many."""
        rows, length = self.tokens.shape
        ids, learned = document.ids[:length], document.learned[:length]
        if self._used + len(ids) > length:
            self.row, self._used = self.row + 1, 0
        if self.row < rows:
            place = slice(self._used, self._used + len(ids))
            self.tokens[self.row, place] = ids
            self.labels[self.row, place] = np.where(learned, ids, IGNORED)
            self.positions[self.row, self._used :] = np.arange(length - self._used)
        self._used += len(ids)
        return self.row

    @property
    def part(self) -> float:
        """Of the rows that are full; 1 or more if all are."""
        return self.row / len(self.tokens)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How large a stream and its probes are.

    Attributes:
        rows: of the stream.
        length: of a row.
        batch: rows of a step.
        probes: seen documents of each domain, and as many twins.
        canaries: for each number of exposures, and as many unread ones.
        shares: of the tokens, by domain; canaries come on top.
    """

    rows: int
    length: int
    batch: int
    probes: int
    canaries: int
    shares: Mapping[str, float]


def make_words(mixture: Mixture, seed: int, d_vocab: int) -> tuple[Words, dict[str, float]]:
    """The tokenizer of a mixture, and the mean length of a document of each domain.

    The texts that it is trained on are spent: no pass reads them again.
    """
    rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/tokenizer"))
    drawn = {n: [d.draw(rng) for _ in range(_SAMPLE)] for n, d in mixture.domains.items()}
    drawn["canary"] = [canary(rng) for _ in range(_SAMPLE)]
    texts = [text_of(document) for documents in drawn.values() for document in documents]
    words = Words.trained_on(texts, d_vocab)
    lengths = {
        name: float(np.mean([len(each.ids) for each in words.documents(documents)]))
        for name, documents in drawn.items()
    }
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
        _probe(name, document, (), "twin")
        for name, domain in mixture.domains.items()
        for document in words.documents([domain.draw(rng) for _ in range(wanted.probes)])
    ]
    marks = _Marks.drawn(list(mixture.domains), words, wanted, rng)
    packer = _Packer(wanted.rows, wanted.length, words.end)
    names = list(mixture.domains)
    shares = np.array([wanted.shares[name] / lengths[name] for name in names])
    while packer.part < 1:
        chosen = [names[i] for i in rng.choice(len(names), BLOCK, p=shares / shares.sum())]
        texts = [mixture.domains[name].draw(rng) for name in chosen]
        block = list(zip(chosen, words.documents(texts), strict=True))
        for name, document in marks.with_canaries(block, packer.part, rng):
            row = packer.add(document)
            if row < wanted.rows:
                marks.note(name, document, row // wanted.batch, row / wanted.rows)
    return Stream(
        tokens=packer.tokens,
        positions=packer.positions,
        labels=packer.labels,
        probes=(*marks.seen(), *twins, *marks.canaries()),
    )


@dataclass(kw_only=True)
class _Marks:
    """Which documents become probes, and when canaries are due.

    Attributes:
        due: for each domain, parts of the stream after which its next document is kept, in order.
        kept: what was kept, with its step.
        counts: how often each canary is to be read.
        sentences: the canaries, and after them as many that are never read.
        calls: (part of the stream, canary), in order.
        read: the steps of each canary.
    """

    due: dict[str, list[float]]
    kept: list[Probe]
    counts: list[int]
    sentences: list[Tokens]
    calls: list[tuple[float, int]]
    read: dict[int, list[int]]

    @classmethod
    def drawn(
        cls, names: list[str], words: Words, wanted: Wanted, rng: np.random.Generator
    ) -> "_Marks":
        due = {name: sorted(rng.random(wanted.probes).tolist()) for name in names}
        counts = [count for count in EXPOSURES for _ in range(wanted.canaries)]
        sentences = words.documents([canary(rng) for _ in range(2 * len(counts))])
        calls = [(float(t), i) for i, count in enumerate(counts) for t in rng.random(count)]
        return cls(
            due=due, kept=[], counts=counts, sentences=sentences, calls=sorted(calls), read={}
        )

    def with_canaries(
        self, block: list[tuple[str, Tokens]], part: float, rng: np.random.Generator
    ) -> Iterator[tuple[str, Tokens]]:
        """The block with the canaries that are due, at random places."""
        due: list[tuple[str, Tokens]] = []
        while self.calls and self.calls[0][0] <= part:
            number = self.calls.pop(0)[1]
            due.append((str(number), self.sentences[number]))
        mixed = block + due
        yield from (mixed[i] for i in rng.permutation(len(mixed)))

    def note(self, name: str, document: Tokens, step: int, part: float) -> None:
        """A document was packed: a canary, or one that is kept as a probe."""
        if name.isdecimal():
            self.read.setdefault(int(name), []).append(step)
        elif self.due[name] and self.due[name][0] <= part:
            self.due[name].pop(0)
            self.kept.append(_probe(name, document, (step,), "seen"))

    def seen(self) -> list[Probe]:
        return self.kept

    def canaries(self) -> list[Probe]:
        """Those that were read, by how often they were to be, and as many that never are."""
        found: list[Probe] = []
        for number, sentence in enumerate(self.sentences):
            steps = tuple(sorted(set(self.read.get(number, []))))
            name = f"canary-{self.counts[number % len(self.counts)]}"
            role: Role = "seen" if number < len(self.counts) else "twin"
            found.append(_probe(name, sentence, steps, role))
        return found


def _probe(domain: str, document: Tokens, exposed: tuple[int, ...], role: Role) -> Probe:
    return Probe(
        domain=domain,
        tokens=tuple(document.ids),
        counted=tuple(document.learned),
        role=role,
        exposed=exposed,
    )
