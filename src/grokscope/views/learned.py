"""What the networks of a run learned, as the report shows it; read from disk, never computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokscope.experiment import Run
from grokscope.views.group import groups_of
from grokscope.views.irrep_table import CosetLine, IrrepLine, coset_lines, irrep_lines
from grokscope.views.network_table import NETWORKS_LISTED, percent
from grokscope.views.picture import Picture
from grokscope.views.population import Population, population
from grokscope.views.profile_figure import profile_figure

DRAWN = 12
"""So many networks have circles, tests and pictures; the rest is in the table only."""
PROFILES = 8
"""At most so many profiles for one network, those of the strongest circles."""

Document = Mapping[str, Any]

_PARTS = {
    "u": "depends on the error c − (x + y) alone",
    "su": "on it and the sum x + y",
    "du": "on it and the difference x − y",
    "rest": "on more than these",
}
_GROUP_PARTS = {
    "u": "depends on c⁻¹∘x∘y alone",
    "character": "on its conjugacy class alone",
    "key": "on it through the irreps above",
    "readout": "is in these irreps as functions of c, row by row",
}
"""These overlap: the second and third are parts of the first."""


@dataclass(frozen=True, kw_only=True)
class CircleLine:
    """One circle, every cell as text."""

    frequency: str
    speaks: str
    label: str
    shape: str
    offset: str
    share: str
    necessary: str
    notes: str


@dataclass(frozen=True, kw_only=True)
class TestLine:
    """One causal test, every cell as text."""

    __test__ = False  # not one of pytest's

    name: str
    value: str
    threshold: str
    passed: bool
    about: str


@dataclass(frozen=True, kw_only=True)
class LearnedNetwork:
    """One network of the section."""

    number: str
    name: str
    step: str
    sentence: str
    label: str
    verdict: str
    grade: str
    failed: str
    is_open: bool
    circles: Sequence[CircleLine] = ()
    irreps: Sequence[IrrepLine] = ()
    cosets: Sequence[CosetLine] = ()
    tests: Sequence[TestLine] = ()
    profiles: Sequence[Picture] = ()
    profiles_left_out: int = 0
    left: Sequence[str] = ()
    """What is left unexplained."""
    parts: str = ""
    """Where the logits' variance lives."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """The section of the report."""

    verdict: str
    missing: str
    version: str
    population: Population | None
    """Of all networks together, where there are several."""
    has_circles: bool
    networks: Sequence[LearnedNetwork]
    drawn: Sequence[LearnedNetwork]
    networks_left_out: int


def learned(run: Run) -> Learned | None:
    """The section; None where nobody has explained the run."""
    document: Any = run.directory.explanation
    rows: Sequence[Document] = document.get("explanations", ())
    if not rows:
        return None
    networks = [_network(row, is_open=i == _first_accurate(rows)) for i, row in enumerate(rows)]
    with_circles = [network for network in networks if network.tests]
    return Learned(
        verdict=verdict_sentence(rows),
        missing=_missing(run, len(rows)),
        version=str(document.get("version", "")),
        population=population(rows, _kinds(run, rows)),
        has_circles=any(row["circles"] for row in rows),
        networks=networks[:NETWORKS_LISTED],
        drawn=with_circles[:DRAWN],
        networks_left_out=max(0, len(with_circles) - DRAWN),
    )


def verdict_sentence(rows: Sequence[Document]) -> str:
    """Such as: Explained 5 of 6 accurate networks."""
    if len(rows) == 1:
        return _sentence(rows[0])
    accurate = [row for row in rows if row["verdict"] != "not_accurate"]
    count = sum(row["verdict"] == "explained" for row in accurate)
    left = len(rows) - len(accurate)
    plural = "" if len(accurate) == 1 else "s"
    tail = f" {left} more {'is' if left == 1 else 'are'} not accurate." if left else ""
    return f"Explained {count} of {len(accurate)} accurate network{plural}.{tail}"


def _kinds(run: Run, rows: Sequence[Document]) -> int:
    """Of how many kinds the networks in the rows are; the run may have more."""
    seen = {row["network"] for row in rows}
    return sum(not seen.isdisjoint(group.networks) for group in groups_of(run.plan))


def _first_accurate(rows: Sequence[Document]) -> int | None:
    return next((i for i, row in enumerate(rows) if row["verdict"] != "not_accurate"), None)


def _missing(run: Run, explained: int) -> str:
    total = len(run.plan.networks)
    if explained >= total:
        return ""
    return (
        f"{explained} of {total:,} networks were looked at; `grokscope explain {run.id}` looks at "
        "all of them."
    )


def _network(row: Document, *, is_open: bool) -> LearnedNetwork:
    failed = [test for test in row["tests"] if not test["passed"]]
    strongest = row["circles"][:PROFILES]
    return LearnedNetwork(
        number=str(row["network"]),
        name=row["name"],
        step=f"{row['step']:,}",
        sentence=_sentence(row),
        label=row["label"],
        verdict=str(row["verdict"]).replace("_", " "),
        grade=row["grade"] or "–",
        failed=", ".join(str(test["name"]).replace("_", " ") for test in failed) or "–",
        is_open=is_open,
        circles=[_circle(circle) for circle in row["circles"]],
        irreps=irrep_lines(row),
        cosets=coset_lines(row),
        tests=[_test(test) for test in row["tests"]],
        profiles=[_profile(circle) for circle in strongest],
        profiles_left_out=len(row["circles"]) - len(strongest),
        left=[_failure(test) for test in failed],
        parts=_parts(row["parts"], _GROUP_PARTS if row["components"] else _PARTS),
    )


def _sentence(row: Document) -> str:
    """The verdict with the names of tests in words, as in the tables."""
    sentence = str(row["sentence"])
    for test in row.get("tests", ()):
        sentence = sentence.replace(test["name"], str(test["name"]).replace("_", " "))
    return sentence


def _circle(circle: Document) -> CircleLine:
    fraction = circle["fraction"]
    notes = [] if fraction is None else [f"pizza fraction {fraction:.2f}"]
    return CircleLine(
        frequency=str(circle["frequency"]),
        speaks=str(circle["speaks"]),
        label=circle["label"],
        shape="–" if circle["shape"] is None else f"{circle['shape']:.2f}",
        offset=f"{round(circle['offset'], 1) + 0:.1f}",
        share=percent(circle["share"]),
        necessary="yes" if circle["necessary"] else "redundant",
        notes=", ".join([*notes, *(f"also {name}" for name in circle["also"])]),
    )


def _test(test: Document) -> TestLine:
    return TestLine(
        name=str(test["name"]).replace("_", " "),
        value=_figure(test["value"]),
        threshold=f"{test['side']} {test['threshold']:.4g}",
        passed=test["passed"],
        about=test["about"],
    )


def _failure(test: Document) -> str:
    words = f"{_figure(test['value'])}, {test['side']} {test['threshold']:.4g} was needed"
    return f"{str(test['name']).replace('_', ' ')} failed ({words}): {test['about']}"


def _figure(value: float | None) -> str:
    """A test that could not be run has no figure."""
    return "–" if value is None else f"{value:.4f}"


def _parts(parts: Mapping[str, float], words: Mapping[str, str]) -> str:
    """Where the variance of the logits lives; empty where it was not taken apart."""
    return ", ".join(f"{percent(share)} {words.get(n, n)}" for n, share in parts.items())


def _profile(circle: Document) -> Picture:
    title = f"{circle['frequency']}: {circle['label']}"
    speaks, label = circle["speaks"], circle["label"]
    figure = profile_figure(circle["profile"], speaks, circle["offset"], title, label)
    alt = (
        f"Strength of the circle at frequency {circle['frequency']} over the difference of the "
        f"operands, against flat, |cos| and harmonic forms; its label is {label}."
    )
    return Picture.of(figure, alt)
