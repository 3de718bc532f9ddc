"""Groups by date, and train groups paired with test groups."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.embedding import character_embeddings
from grokscope.llm.groups import groups_of, match_groups

INFINITE = float("inf")


def listed(groups) -> dict[float, list[int]]:
    return {date: members.tolist() for date, members in groups.items()}


def test_a_group_is_what_has_the_same_date():
    since = np.array([20.0, 10, INFINITE, 20, np.nan, 10])
    assert listed(groups_of(since)) == {10: [1, 5], 20: [0, 3]}
    assert groups_of(np.array([INFINITE])) == {}


def test_bins_are_named_by_their_lower_edge():
    since = np.array([5.0, 10, 19, 20, 500, INFINITE, np.nan])
    assert listed(groups_of(since, [10, 20])) == {10: [1, 2], 20: [3, 4]}
    assert listed(groups_of(since, [0, 100.0])) == {0: [0, 1, 2, 3], 100: [4]}


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
def test_the_pairs_are_the_best_of_all_ways_to_pair(seed: int, rows: int, columns: int):
    stream = np.random.default_rng(seed)
    own, other = stream.normal(size=(9, 5)), stream.normal(size=(8, 5))
    train = groups_of(np.append(np.arange(rows), stream.integers(rows, size=9 - rows)) + 0.0)
    test = groups_of(
        np.append(np.arange(columns), stream.integers(columns, size=8 - columns)) + 0.0
    )

    def cosine(i: float, j: float) -> float:
        pairs = [(own[a], other[b]) for a in train[i] for b in test[j]]
        found = [u @ v / np.linalg.norm(u) / np.linalg.norm(v) for u, v in pairs]
        return float(np.mean(found))

    found = match_groups(train, test, own, other)
    assert len(found) == min(rows, columns)
    assert len({match.train for match in found}) == len({match.test for match in found})
    assert [match.train for match in found] == sorted(match.train for match in found)
    for match in found:
        assert match.cosine == pytest.approx(cosine(match.train, match.test), abs=1e-9)
    long, short = (train, test) if rows >= columns else (test, train)
    ways = [
        sum(
            cosine(*((i, j) if rows >= columns else (j, i)))
            for i, j in zip(way, short, strict=True)
        )
        for way in permutations(long, len(short))
    ]
    assert sum(match.cosine for match in found) == pytest.approx(max(ways), abs=1e-9)


ALGEBRA = ["Solve 3 x + 5 = 20 for x.", "Solve 7 x - 2 = 12 for x.", "Find x: 4 x + 1 = 9"]
CHEMISTRY = ["Benzene is an aromatic ring.", "The aromatic ring of toluene is benzene's."]
CODE = ["def add(a, b): return a + b", "def mul(a, b):\n    return a * b"]


def test_texts_of_a_kind_find_each_other():
    texts = [*ALGEBRA[:2], CHEMISTRY[0], CODE[0], CODE[1], ALGEBRA[2], CHEMISTRY[1]]
    embedded = character_embeddings(texts)
    train = groups_of(np.array([1.0, 1.0, 2.0, 3.0]))
    test = groups_of(np.array([30.0, 10.0, 20.0]))
    found = match_groups(train, test, embedded[:4], embedded[4:])
    assert [(match.train, match.test) for match in found] == [(1, 10), (2, 20), (3, 30)]


def test_embeddings_are_unit_vectors_that_nothing_but_the_text_decides():
    texts = ["Grokking  is\ndelayed.", "grokking is delayed.", "x", "", "délai 延迟 🙂"]
    found = character_embeddings(texts)
    assert found.shape == (5, 2_048)
    norms = np.linalg.norm(found, axis=1)
    assert norms == pytest.approx([1, 1, 1, 0, 1], abs=1e-6)
    assert (found[0] == found[1]).all()
    assert (character_embeddings(texts) == found).all()
    assert found.min() >= 0
    assert found[0] @ found[4] < 0.1
    assert character_embeddings([]).shape == (0, 2_048)


def test_what_all_texts_share_weighs_less_than_what_few_do():
    """Three questions of one form: two about benzene are closer than form alone makes them."""
    form = "Which of these is the right answer about {}?"
    texts = [form.format(word) for word in ("benzene", "benzene!", "granite", "lichens", "gravity")]
    similar = character_embeddings(texts) @ character_embeddings(texts).T
    assert similar[0, 1] > similar[0, 2] + 0.2


def test_columns_are_used_evenly():
    stream = np.random.default_rng(0)
    text = "".join(map(chr, stream.integers(97, 123, 20_000)))
    used = character_embeddings([text], 64)[0]
    assert used.min() > 0.9 * used.max()


def test_no_groups_have_no_pairs():
    groups = groups_of(np.array([1.0]))
    assert match_groups({}, groups, np.ones((0, 3)), np.ones((1, 3))) == []


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: groups_of(np.ones(1), []), "`edges` must be rising, and at least one, got []."),
        (lambda: groups_of(np.ones(1), [2, 1]), "`edges` must be rising, and at least one, got"),
        (lambda: character_embeddings(["a"], 0), "`width` must be at least 1, got 0."),
        (
            lambda: match_groups({}, {}, np.ones((1, 3)), np.ones((1, 4))),
            "`test_embeddings` must be of width 3, got 4.",
        ),
        (
            lambda: match_groups(
                {1.0: np.array([0])}, {1.0: np.array([0])}, np.full((1, 3), np.nan), np.ones((1, 3))
            ),
            "`embeddings` must be finite, for all of at least one member of each group",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value).startswith(complaint)
