"""The tables of the page, from the kept series."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grokscope.recipes.olmoe_mini.arm import ARMS, MAIN
from grokscope.recipes.olmoe_mini.canary import EXPOSURES
from grokscope.recipes.olmoe_mini.dates import converged_step, dates_of
from grokscope.recipes.olmoe_mini.form import form_of
from grokscope.recipes.olmoe_mini.questions import FALLING, Answer, fall
from grokscope.recipes.olmoe_mini.record import Record
from grokscope.statistics.interval import Interval
from grokscope.statistics.trend import null_probability, trend_correlations

_END = 5
"""Measurements whose mean is the value at the end."""


def of_cpu(
    records: Sequence[Record], found: Sequence[Answer], published: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Every table by its place in the template."""
    return {
        "dates": dates(records),
        "answers": answer_table(found, ("delayed", "apart")),
        "tracking": answer_table(found, ("tracks", "beyond-trend", "changes")),
        "levels": levels(records),
        "twins": answer_table(found, ("seen-differ",)),
        "canaries": canaries(records),
        "controls": answer_table(found, ("more-than-control",)),
        "falls": falls(records),
        "arms": arms(records),
        "groups": groups(published),
    }


def dates(records: Sequence[Record]) -> str:
    """What happened in each domain of each run, and when."""
    rows: list[list[str]] = []
    for record in records:
        for domain in record.domains:
            own = dates_of(record, domain, form_of("cpu").items)
            train, test = (
                float(record.series(f"{domain}/{role}", "accuracy")[-_END:].mean())
                for role in ("train", "test")
            )
            turned = own.turned
            rows.append(
                [
                    record.arm,
                    str(record.seed),
                    domain,
                    f"{own.converged:,.0f}",
                    _step(own.verdict.memorized_step),
                    f"{turned.least:,.0f}" if turned.was_seen else f"> {turned.least:,.0f}",
                    _step(own.verdict.step("grokked")),
                    own.verdict.label,
                    f"{train:.2f}",
                    f"{test:.2f}",
                ]
            )
    head = ("arm", "seed", "domain", "loss converged", "memorised", "half of held-out right")
    return _table([*head, "grokked", "label", "train at end", "held-out at end"], rows)


def answer_table(found: Sequence[Answer], questions: Sequence[str]) -> str:
    """The answers to some questions."""
    rows = [
        [one.question, one.about, words(one.estimate), str(one.seeds), f"**{one.verdict}**"]
        for one in found
        if one.question in questions
    ]
    return _table(["question", "about", "estimate [95 %]", "seeds", "answer"], rows)


def levels(records: Sequence[Record]) -> str:
    """Correlations as they are usually reported, beside what the step achieves alone."""
    rows: list[list[str]] = []
    for record in records:
        for domain in record.domains if record.arm == MAIN else ():
            own = dates_of(record, domain, form_of("cpu").items)
            onset = own.verdict.step("onset")
            if onset is None:
                continue
            late = record.steps >= max(onset, 1)
            accuracy = record.series(f"{domain}/test", "accuracy")[late]
            for measure in ("distance", "distance_normalized", "path_consistency", "loss"):
                trends = trend_correlations(
                    record.series(domain, measure)[late], accuracy, record.steps[late]
                )
                level = trends["levels"]
                numbers = [
                    level.pearson,
                    trends["log_step"].pearson,
                    trends["given_log_step"].pearson,
                    trends["changes"].pearson,
                    null_probability(level.pearson, level.points),
                ]
                cells = [record.seed, domain, measure, level.points, *map(_short, numbers)]
                rows.append(list(map(str, cells)))
    head = ["seed", "domain", "measure", "points", "r with accuracy", "r of log step with it"]
    return _table([*head, "r given log step", "r of changes", "P (two trends)"], rows)


def canaries(records: Sequence[Record]) -> str:
    """What canaries are remembered by, by how often they were read."""
    rows: list[list[str]] = []
    for count in EXPOSURES:
        cells = [str(count)]
        for measure in ("loss", "distance_normalized", "path_length", "mean_cos"):
            gaps = [
                float((seen - twin)[-_END:].mean())
                for record in records
                if record.arm == MAIN
                for seen, twin in [
                    [record.series(f"canary-{count}{role}", measure) for role in ("", "/twin")]
                ]
            ]
            cells.append(", ".join(f"{gap:.3f}" for gap in gaps))
        rows.append(cells)
    head = ["times read", "loss, nats", "normalised distance", "pathway length", "mean cosine"]
    return _table(head, rows)


def groups(published: Sequence[Mapping[str, Any]]) -> str:
    """The published analysis: groups with their test groups, and how long these take."""
    rows: list[list[str]] = []
    for domain in published:
        for pair in domain["pairs"]:
            lag = Interval(**pair["lag"]["steps"])
            rows.append(
                [
                    str(domain["seed"]),
                    str(domain["domain"]),
                    f"{pair['memorized']:,.0f}",
                    f"{pair['answered']:,.0f}",
                    f"{pair['samples']}, {pair['items']}",
                    f"{pair['cosine']:.2f}",
                    steps_words(lag),
                ]
            )
    head = ["seed", "domain", "memorised from", "answered from", "samples, items", "cosine"]
    return _table([*head, "lag of medians, updates [95 % over samples]"], rows)


def falls(records: Sequence[Record]) -> str:
    """How far each measure fell in every arm: from its highest value, and since convergence."""
    rows = [
        [
            record.arm,
            str(record.seed),
            *(f"{fall(record, measure):.1%}" for measure in FALLING),
            *(f"{late_fall(record, name):.1%}" for name in FALLING[:2]),
        ]
        for record in records
    ]
    since = [f"{name} since the loss converged" for name in FALLING[:2]]
    return _table(["arm", "seed", *FALLING, *since], rows)


def late_fall(record: Record, measure: str) -> float:
    """The fall from the highest value since the loss of a domain had converged; mean of domains."""
    found: list[float] = []
    for domain in record.domains:
        own = record.series(domain, measure)
        since = record.steps >= converged_step(record.steps, record.series(domain, "loss"))
        found.append(1 - float(own[-_END:].mean() / own[since].max()))
    return float(np.mean(found))


def arms(records: Sequence[Record]) -> str:
    """The arms, and the seeds that each was run with."""
    own: Mapping[str, list[int]] = {
        name: [record.seed for record in records if record.arm == name] for name in ARMS
    }
    rows = [
        [f"`{name}`", arm.about, ", ".join(map(str, own[name])) or "not run in this form"]
        for name, arm in ARMS.items()
    ]
    return _table(["arm", "what for", "seeds"], rows)


def words(own: Interval) -> str:
    """A number with its interval."""
    if own.value is None:
        return "–"
    sign = "" if own.sign == "=" else f"{own.sign} "
    if own.low is None and own.high is None:
        return f"{sign}{own.value:.3g}"
    low = "–" if own.low is None else f"{own.low:.3g}"
    high = "–" if own.high is None else f"{own.high:.3g}"
    return f"{sign}{own.value:.3g} [{low}, {high}]"


def steps_words(own: Interval) -> str:
    """A number of steps with its interval."""
    if own.value is None:
        return "–"
    sign = "" if own.sign == "=" else f"{own.sign} "
    if own.low is None or own.high is None:
        return f"{sign}{own.value:,.0f}"
    return f"{sign}{own.value:,.0f} [{own.low:,.0f}, {own.high:,.0f}]"


def _step(step: int | None) -> str:
    return "–" if step is None else f"{step:,}"


def _short(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
