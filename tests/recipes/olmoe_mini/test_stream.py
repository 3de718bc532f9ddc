"""The stream: what is in which row, what is learned, and when each probe was read."""

from functools import cache

import numpy as np
import pytest

from grokscope.core.errors import UsageError
from grokscope.llm.probe import Probe
from grokscope.recipes.olmoe_mini.arithmetic import Arithmetic
from grokscope.recipes.olmoe_mini.canary import EXPOSURES
from grokscope.recipes.olmoe_mini.domain import Item
from grokscope.recipes.olmoe_mini.knowledge import Knowledge
from grokscope.recipes.olmoe_mini.mixture import Mixture
from grokscope.recipes.olmoe_mini.programs import Code
from grokscope.recipes.olmoe_mini.prose import Prose
from grokscope.recipes.olmoe_mini.stream import IGNORED, Stream, Wanted, make_stream, make_words
from grokscope.recipes.olmoe_mini.texts import Chunks
from grokscope.recipes.olmoe_mini.tokenizer import Words

SHARES = {"arithmetic": 0.4, "code": 0.22, "knowledge": 0.3, "prose": 0.08}
WANTED = Wanted(rows=640, length=96, batch=4, probes=10, canaries=3, shares=SHARES)


def mixture(pieces: int = 6_000) -> Mixture:
    rng = np.random.default_rng(0)
    texts = [
        f"number {i} of the texts says {rng.integers(10**9)} and more\n" for i in range(pieces)
    ]
    domains = [
        Arithmetic(0),
        Code(0, Chunks(texts, rng, "source code")),
        Knowledge(0),
        Prose(Chunks(texts, rng, "prose")),
    ]
    return Mixture(domains={one.name: one for one in domains}, checksum="")


@cache
def made(seed: int = 0) -> tuple[Words, Stream]:
    own = mixture()
    words, lengths = make_words(own, seed, 600)
    return words, make_stream(own, words, lengths, WANTED, seed)


def documents(stream: Stream, row: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Tokens and labels of each document of a row."""
    starts = np.flatnonzero(stream.positions[row] == 0)
    bounds = zip(starts, [*starts[1:], stream.tokens.shape[1]], strict=True)
    return [
        (tuple(stream.tokens[row, a:b].tolist()), tuple(stream.labels[row, a:b].tolist()))
        for a, b in bounds
    ]


def steps_with(stream: Stream, probe: Probe) -> tuple[int, ...]:
    """The steps whose batches have the document of a probe."""
    found: list[int] = []
    for row in range(len(stream.tokens)):
        for tokens, _ in documents(stream, row):
            if tokens[: len(probe.tokens)] == probe.tokens[: len(tokens)]:
                found.append(row // WANTED.batch)
    return tuple(sorted(set(found)))


def test_every_document_begins_with_its_token_at_position_0():
    words, stream = made()
    assert (stream.tokens[stream.positions == 0] == words.begin).all()
    assert (stream.positions[:, 1:] - stream.positions[:, :-1])[
        stream.positions[:, 1:] > 0
    ].tolist() == [1] * int((stream.positions[:, 1:] > 0).sum())


def test_labels_are_the_tokens_that_are_learned():
    words, stream = made()
    learned = stream.labels != IGNORED
    assert (stream.labels[learned] == stream.tokens[learned]).all()
    assert 0.1 < learned.mean() < 0.6
    equals = words.tokenizer.encode(" =").ids[0]
    for row in range(40):
        for tokens, labels in documents(stream, row):
            if not set(tokens[:-1]) & set(words.numbers):
                continue
            after = [i + 1 for i, token in enumerate(tokens[:-1]) if token == equals]
            if after:  # bare equations: the answers and the end are learned, and nothing else
                end = tokens.index(words.end)
                assert [i for i, label in enumerate(labels) if label != IGNORED] == [*after, end]


def test_seen_probes_were_read_once_when_the_log_says_and_twins_never():
    _, stream = made()
    own = [probe for probe in stream.probes if probe.domain in ("arithmetic", "prose")]
    assert {probe.role for probe in own} == {"seen", "twin"}
    for probe in own:
        assert steps_with(stream, probe) == probe.exposed


def test_canaries_were_read_as_often_as_their_name_says():
    _, stream = made()
    own = [probe for probe in stream.probes if probe.domain.startswith("canary")]
    assert len(own) == 2 * len(EXPOSURES) * WANTED.canaries
    for probe in own:
        count = int(probe.domain.split("-")[1])
        assert steps_with(stream, probe) == probe.exposed
        # two readings may fall into one step, and the last ones beyond the end
        assert probe.exposed == () if probe.role == "twin" else 0 < len(probe.exposed) <= count
    often = [len(p.exposed or ()) for p in own if p.domain == "canary-64" and p.role == "seen"]
    assert min(often) > 30


def test_the_same_seed_makes_the_same_stream_and_another_one_another():
    _, stream = made()
    own = mixture()
    words, lengths = make_words(own, 0, 600)
    again = make_stream(own, words, lengths, WANTED, 0)
    assert np.array_equal(again.tokens, stream.tokens)
    assert again.probes == stream.probes
    _, other = made(1)
    assert not np.array_equal(other.tokens, stream.tokens)


def test_too_little_text_is_said_and_not_read_twice():
    own = mixture(1_050)
    words, lengths = make_words(own, 0, 600)
    with pytest.raises(UsageError, match="a single pass of this length needs more text"):
        make_stream(own, words, lengths, WANTED, 0)


def test_a_number_of_the_ring_is_one_token_and_text_comes_back():
    words, _ = made()
    assert len(set(words.numbers)) == 59
    text = "Ada walks: <7> + <58> = <6> (x_1 = 'é')"
    assert words.tokenizer.decode(words.tokenizer.encode(text).ids).replace(" ", "") == (
        text.replace(" ", "")
    )


def test_a_question_ends_with_the_tokens_of_its_answer():
    words, _ = made()
    item = Item(domain="code", prompt="max(12, 3)  #", answer=" 12", trained=True)
    tokens = words.question(item)
    answer = [i for i, learned in zip(tokens.ids, tokens.learned, strict=True) if learned]
    assert words.tokenizer.decode(answer).strip() == "12"
    assert tokens.learned == sorted(tokens.learned)
