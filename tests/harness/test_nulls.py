"""Null networks are as accurate as they say, and for no reason that a planted network has."""

import json
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
import torch
from benchmarks import explainer
from benchmarks.explainer.latin import latin_square
from benchmarks.explainer.nulls import NULL_KINDS, Null, nulls

from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator
from grokscope.explanation.false_positives import COUNTED
from grokscope.models import Rows

SEEDS = (0, 1)
RIGHT = ("latin", "random-table", "patch", "small-patch", "clock-patch", "foreign-circles")
every_kind = pytest.mark.parametrize("kind", NULL_KINDS)


@cache
def made(kind: str) -> list[Null]:
    return nulls(kind, SEEDS)


def answers(null: Null) -> torch.Tensor:
    fast = null.model.readout(null.params, Rows(null.inputs[None]))[0].argmax(1)
    plain = null.model.forward(null.params, null.inputs[None])[0].argmax(1)
    assert (fast == plain).float().mean() > 0.99
    return plain


def sums(null: Null) -> torch.Tensor:
    return null.inputs.sum(1) % null.p


@every_kind
def test_the_accuracy_is_the_stated_one(kind: str):
    for null, seed in zip(made(kind), SEEDS, strict=True):
        accuracy = float((answers(null) == null.labels).float().mean())
        assert (null.kind, null.seed) == (kind, seed)
        assert accuracy == pytest.approx(null.accuracy, abs=0.01)
        assert null.accuracy == 1 if kind in RIGHT else null.accuracy < 1
        assert all(len(weight) == 1 for weight in null.params.values())


def test_a_latin_table_is_a_latin_square_without_a_group_behind_it():
    for null in made("latin"):
        square = null.labels.reshape(null.p, null.p)
        for lines in (square, square.T):
            assert (lines.sort(1).values == torch.arange(null.p)).all()
        # addition mod an odd number has no 2 × 2 subsquare; a random square has about p²/4
        assert n_subsquares(square) > 0.1 * null.p**2


def n_subsquares(square: torch.Tensor) -> int:
    """Pairs of rows and columns that hold two symbols crosswise."""
    count = 0
    for first, second in combinations(square.tolist(), 2):
        at = {symbol: i for i, symbol in enumerate(first)}
        count += sum(second[at[symbol]] == first[i] for i, symbol in enumerate(second))
    return count // 2


def test_squares_of_order_3_are_all_met():
    squares = [tuple(latin_square(generator(i, "x"), 3).flatten().tolist()) for i in range(150)]
    assert len(set(squares)) == 12


def test_a_patched_network_has_its_exceptions_and_keeps_the_rest():
    for null in made("patch"):
        assert null.changed is not None
        assert 0.019 < null.changed.float().mean() < 0.051
        assert ((answers(null) == sums(null)) == ~null.changed).all()
        assert null.origin is not None
        power = torch.fft.fft(null.params["W_E"][0], dim=0).abs().square().sum(1)
        circles = power[list(null.origin.circles)].mean()
        assert circles > 3 * power[1 : null.p // 2 + 1].median()


def test_foreign_circles_are_those_of_another_network_on_the_same_table():
    for null in made("foreign-circles"):
        assert null.partner is not None
        assert null.origin is not None
        assert null.partner.task == null.origin.task
        assert not null.partner.circles.keys() & null.origin.circles.keys()


@pytest.mark.parametrize(("kind", "most"), [("permuted", 0.2), ("untrained", 0.2)])
def test_what_knows_nothing_is_near_chance(kind: str, most: float):
    assert all(null.accuracy < most for null in made(kind))


def test_a_permuted_network_has_the_embedding_of_its_origin_in_another_order():
    for null in made("permuted"):
        assert null.origin is not None
        ours, theirs = null.params["W_E"][0], null.origin.params["W_E"][0]
        assert not torch.equal(ours, theirs)
        assert torch.equal(ours[:, 0].sort().values, theirs[:, 0].sort().values)


def test_what_a_seed_gives_does_not_depend_on_the_other_seeds():
    (alone,) = nulls("untrained", [1])
    assert torch.equal(alone.params["W_E"], made("untrained")[1].params["W_E"])


def test_the_rate_that_is_shown_is_the_one_that_was_counted():
    rows = json.loads((Path(explainer.__file__).parent / "results" / "nulls.json").read_text())
    accurate = [row for row in rows if row["verdict"] != "not_accurate"]
    explained = [row for row in accurate if row["verdict"] == "explained"]
    assert (len(explained), len(accurate)) == COUNTED


def test_an_unknown_kind_is_refused():
    with pytest.raises(SettingError, match="kind"):
        nulls("magic", [0])
