"""The questions of the study, each with its statistic, its rule, and yes, no or undecided.

Everything here was fixed before an evaluation seed was trained. A statistic is one number for each
seed; its interval is Student's, over seeds. With a single seed there is no interval, and nothing is
decided.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokscope.recipes.olmoe_mini.arm import MAIN
from grokscope.recipes.olmoe_mini.canary import EXPOSURES
from grokscope.recipes.olmoe_mini.dates import Dates, dates_of, layer_turns
from grokscope.recipes.olmoe_mini.record import Record
from grokscope.statistics.interval import Interval
from grokscope.statistics.lag import seed_lag
from grokscope.statistics.mean import mean_of
from grokscope.statistics.trend import trend_correlations

LATER = math.log(1.5)
"""A turn is delayed if it comes at one and a half times the step of convergence, or later."""
APART = math.log(1.25)
"""Times differ if the last to turn does so at 1.25 times the step of the first, or later."""
SAME = 0.01
"""Seen samples and twins are alike if a measure differs by less than this part of itself."""
BETTER = 0.05
"""A measure tracks accuracy better than the step if its rank correlation is larger by this."""
PARTIAL = 0.1
"""A partial correlation below this is as good as none."""
LAST = 1 / 3
"""Part of the measurements, at the end, over which seen samples and twins are compared."""
END = 0.1
"""Part of the measurements whose mean is the value at the end."""

SIGNS: dict[str, int] = {
    "loss": -1,
    "distance": -1,
    "distance_normalized": -1,
    "distance_published": -1,
    "path_consistency": 1,
    "mean_cos": 1,
    "mean_cos_centred": 1,
    "jaccard": 1,
    "effective_dimension": -1,
}
"""What is to follow held-out accuracy, and in which direction; the loss for comparison."""
COMPARED = ("loss", "distance", "distance_normalized", "path_length", "mean_cos", "jaccard")
FALLING = ("distance", "distance_normalized", "distance_published", "effective_dimension")

Verdict = Literal["yes", "no", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """To one question about one thing.

    Attributes:
        question: which question.
        about: a domain, a measure, or a control and a measure.
        statistic: what the estimate is, in words.
        estimate: mean over seeds, with its interval.
        seeds: with a number.
        left_out: seeds without one: nothing turned, or accuracy never rose.
        verdict: by the rule.
    """

    question: str
    about: str
    statistic: str
    estimate: Interval
    seeds: int
    left_out: int
    verdict: Verdict


def answers(records: Sequence[Record], questions: int) -> list[Answer]:
    """All of them.

    Args:
        records: of all arms and seeds.
        questions: held-out ones of each domain.
    """
    main = {record.seed: record for record in records if record.arm == MAIN}
    dates = {
        seed: {name: dates_of(record, name, questions) for name in record.domains}
        for seed, record in main.items()
    }
    found = [*_delays(dates), _domains_apart(dates), _layers_apart(main)]
    found += [*_tracking(main, dates), *_twins(main), *_controls(records)]
    return found


AllDates = Mapping[int, Mapping[str, Dates]]
Runs = Mapping[int, Record]


def _delays(dates: AllDates) -> Iterator[Answer]:
    for domain in next(iter(dates.values())):
        own = {seed: by_domain[domain] for seed, by_domain in dates.items()}
        lag = seed_lag(
            {seed: one.converged for seed, one in own.items()},
            {seed: one.turned for seed, one in own.items()},
        )
        yield _answer(
            "delayed",
            domain,
            "ln (step of half accuracy / step of converged loss)",
            lag.log_steps,
            LATER,
            lag.units,
        )


def _domains_apart(dates: AllDates) -> Answer:
    """A domain that has not turned by the end turns at the end or later, so that this is least."""
    ranges = [
        math.log(max(steps) / min(steps))
        for by_domain in dates.values()
        if len(steps := [one.turned.least for one in by_domain.values()]) > 1
        and any(one.turned.was_seen for one in by_domain.values())
    ]
    statistic = "ln (step of half accuracy of the last / of the first domain)"
    return _answer("apart", "domains", statistic, _mean(ranges), APART, len(dates), len(ranges))


def _layers_apart(main: Runs) -> Answer:
    ranges: list[float] = []
    for record in main.values():
        own = [_range_of_layers(record, domain) for domain in record.domains]
        known = [value for value in own if not math.isnan(value)]
        if known:
            ranges.append(float(np.mean(known)))
    statistic = "ln (step of half of the fall of distance in the last / in the first layer)"
    return _answer("apart", "layers", statistic, _mean(ranges), APART, len(main), len(ranges))


def _range_of_layers(record: Record, domain: str) -> float:
    turns = layer_turns(record.steps, record.layers(domain, "distance_normalized"))
    turns = np.maximum(turns[np.isfinite(turns)], 1)
    return float(np.log(turns.max() / turns.min())) if len(turns) > 1 else math.nan


def _tracking(main: Runs, dates: AllDates) -> Iterator[Answer]:
    for measure, sign in SIGNS.items():
        both = {seed: _correlations(main[seed], dates[seed], measure, sign) for seed in main}
        for place, (question, statistic, bound) in enumerate(
            (
                ("tracks", "Spearman with accuracy, less |Spearman| of log step with it", BETTER),
                ("beyond-trend", "partial Spearman with accuracy given log step", PARTIAL),
                ("changes", "Spearman of changes with changes of accuracy", PARTIAL),
            )
        ):
            values = [own[place] for own in both.values() if own is not None]
            known = [value for value in values if not math.isnan(value)]
            yield _answer(question, measure, statistic, _mean(known), bound, len(main), len(known))


def _correlations(
    record: Record, dates: Mapping[str, Dates], measure: str, sign: int
) -> tuple[float, float, float] | None:
    """Means over domains, taken since accuracy began to rise; None where it never did."""
    found: list[tuple[float, float, float]] = []
    for domain, own in dates.items():
        onset = own.verdict.step("onset")
        if onset is None:
            continue
        late = record.steps >= max(onset, 1)
        accuracy = record.series(f"{domain}/test", "accuracy")[late]
        trends = trend_correlations(
            sign * record.series(domain, measure)[late], accuracy, record.steps[late]
        )
        found.append(
            (
                trends["levels"].spearman - abs(trends["log_step"].spearman),
                trends["given_log_step"].spearman,
                trends["changes"].spearman,
            )
        )
    if not found:
        return None
    means = [_mean_known([own[place] for own in found]) for place in range(3)]
    return means[0], means[1], means[2]


def _twins(main: Runs) -> Iterator[Answer]:
    canaries = f"canary-{EXPOSURES[-1]}"
    groups: dict[str, Callable[[Record], list[str]]] = {
        "documents": lambda record: [*record.domains],
        "canaries": lambda record: [canaries],
    }
    for name, domains in groups.items():
        for measure in COMPARED:
            values = [
                _mean_known([_twin_difference(record, one, measure) for one in domains(record)])
                for record in main.values()
            ]
            estimate = _mean(values)
            verdict: Verdict = "undecided"
            low, high = estimate.low, estimate.high
            if low is not None and high is not None:
                if low > SAME or high < -SAME:
                    verdict = "yes"
                elif max(-low, high) < SAME:
                    verdict = "no"
            yield Answer(
                question="seen-differ",
                about=f"{name}: {measure}",
                statistic="(seen − twin) / mean of both, at the end",
                estimate=estimate,
                seeds=len(values),
                left_out=0,
                verdict=verdict,
            )


def _twin_difference(record: Record, domain: str, measure: str) -> float:
    late = slice(-round(LAST * len(record.steps)), None)
    seen, twin = (record.series(group, measure)[late] for group in (domain, f"{domain}/twin"))
    return float(np.nanmean(seen - twin) / np.nanmean((np.abs(seen) + np.abs(twin)) / 2))


def _controls(records: Sequence[Record]) -> Iterator[Answer]:
    main = {record.seed: record for record in records if record.arm == MAIN}
    controls = dict.fromkeys(record.arm for record in records if record.arm != MAIN)
    for control in controls:
        own = {record.seed: record for record in records if record.arm == control}
        shared = [seed for seed in own if seed in main]
        for measure in FALLING:
            differences = [fall(main[seed], measure) - fall(own[seed], measure) for seed in shared]
            statistic = "relative fall from the highest value, less that in the control"
            about = f"{control}: {measure}"
            yield _answer(
                "more-than-control", about, statistic, _mean(differences), 0.0, len(differences)
            )


def fall(record: Record, measure: str) -> float:
    """How far a measure of seen documents fell from its highest value, as a part of that.

    Mean over the domains with questions.
    """
    last = -max(1, round(END * len(record.steps)))
    falls: list[float] = []
    for domain in record.domains:
        own = record.series(domain, measure)
        falls.append(1 - float(own[last:].mean() / own.max()))
    return float(np.mean(falls))


def _answer(  # noqa: PLR0913 (the parts of a rule)
    question: str,
    about: str,
    statistic: str,
    estimate: Interval,
    bound: float,
    seeds: int,
    known: int | None = None,
) -> Answer:
    """Yes if the whole interval is above the bound, no if none of it is."""
    known = seeds if known is None else known
    verdict: Verdict = "undecided"
    if estimate.low is not None and estimate.low > bound:
        verdict = "yes"
    elif estimate.high is not None and estimate.high <= bound:
        verdict = "no"
    return Answer(
        question=question,
        about=about,
        statistic=statistic,
        estimate=estimate,
        seeds=known,
        left_out=seeds - known,
        verdict=verdict,
    )


def _mean(values: Sequence[float]) -> Interval:
    return mean_of(values) if values else Interval(value=None, low=None, high=None)


def _mean_known(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
