"""Study (b): the exponent of time-to-grok in weight decay, with censoring and without."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.studies.rows import Row, column, read
from benchmarks.studies.words import as_dict, number, pair
from grokscope.core.errors import SettingError
from grokscope.statistics import (
    Family,
    Runs,
    Wait,
    accelerated_failure,
    compare_exponents,
    curvature,
    naive_slopes,
)

DECAY = "optimizer.weight_decay"
PUBLISHED = {"-1": -1.0, "-0.86": -0.86, "-0.64": -0.64}
"""arXiv 2210.01117 and 2603.13331; 2605.20441, from its two end points; OpenReview TGqGmGZ2Hz."""


@dataclass(frozen=True, kw_only=True)
class Regime:
    """Runs whose exponent is asked for.

    Attributes:
        name: of the file of rows.
        words: architecture and range, for people.
        settings: of the regression; the first is the one that is asked for.
        low: least weight decay that belongs to it.
        high: greatest.
        published: hypotheses that speak of such a regime; the others are not comparable.
    """

    name: str
    words: str
    settings: Sequence[str] = (DECAY,)
    low: float = 0.0
    high: float = 1e9
    published: Sequence[str] = ()


_OTHERS = ("optimizer.lr", "task.train_fraction", "model.d_hidden")
REGIMES = (
    Regime(
        name="exponent-mlp",
        words="MLP, 55 % of the rows, .05 ≤ λ ≤ 1.5",
        published=("-1",),
    ),
    Regime(
        name="exponent-transformer",
        words="transformer of one layer, 60 % of the rows, .1 ≤ λ ≤ 5",
    ),
    Regime(
        name="exponent-transformer",
        words="the same, .1 ≤ λ ≤ 2 (before the break-down)",
        high=2.0,
        published=("-1", "-0.86"),
    ),
    Regime(
        name="exponent-settings",
        words="MLP, 400 settings of λ, learning rate, share of the rows and width",
        settings=(DECAY, *_OTHERS),
        published=("-0.64",),
    ),
)
RESPONSES: dict[str, Callable[[Row], Wait]] = {
    "steps from the beginning": lambda row: row.wait("grokked"),
    "steps after memorisation": Row.delay,
}


def document() -> list[dict[str, Any]]:
    """Every regime with both responses."""
    return [_fitted(regime, response) for regime in REGIMES for response in RESPONSES]


def _fitted(regime: Regime, response: str) -> dict[str, Any]:
    rows = [row for row in read(regime.name) if regime.low <= row.settings[DECAY] <= regime.high]
    waits = [RESPONSES[response](row) for row in rows]
    settings = {name: column(rows, name) for name in regime.settings}
    # of 400 settings with one seed each, every run is a cluster of its own
    seeds = [row.seed for row in rows]
    runs = Runs.of_settings(waits, settings, seeds if len(set(seeds)) > 1 else ())
    families: tuple[Family, ...] = ("log-normal", "log-logistic")
    fit = min((accelerated_failure(runs, own) for own in families), key=lambda own: own.aic)
    family, naive = fit.family, naive_slopes(runs)
    bent = curvature(fit, DECAY)
    known = compare_exponents(fit, DECAY, PUBLISHED)
    return {
        "regime": regime.words,
        "response": response,
        "runs": len(rows),
        "seen": fit.seen,
        "censored": fit.censored,
        "never": fit.never,
        "family": family,
        "exponents": {name: as_dict(own) for name, own in fit.coefficients.items()},
        "scale": as_dict(fit.scale),
        "curvature": as_dict(bent.coefficient) | {"p": bent.p},
        "cure": _cured(runs, family),
        "naive_finished": as_dict(naive.finished.coefficients[DECAY])
        | {"r_squared": naive.finished.r_squared, "runs": naive.finished.count},
        "naive_budgets": as_dict(naive.budgets_as_times.coefficients[DECAY]),
        "published": {
            name: {
                "p": own.p,
                "delta_aic": own.delta_aic,
                "inside": own.is_inside,
                "comparable": name in regime.published,
            }
            for name, own in known.items()
        },
    }


def _cured(runs: Runs, family: Family) -> dict[str, Any]:
    """The exponent where a share of the runs never groks, if the likelihood has a maximum."""
    try:
        fit = accelerated_failure(runs, family, cure=[DECAY])
    except SettingError as error:
        return {"refused": str(error)}
    return as_dict(fit.coefficients[DECAY]) | {"aic": fit.aic}


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of the study."""
    heading = (
        "| regime | response | runs (seen, censored) | exponent of λ | curvature | finished only "
        "| budgets as times | −1 | −.86 | −.64 |"
    )
    lines = [heading, "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        bent = row["curvature"]
        told = [_verdict(own) for own in row["published"].values()]
        lines.append(
            f"| {row['regime']} | {row['response']} | {row['runs']} ({row['seen']}, "
            f"{row['censored']}) | {pair(row['exponents'][DECAY])} | {pair(bent)}, p "
            f"{number(bent['p'])} | {pair(row['naive_finished'])} | {pair(row['naive_budgets'])} | "
            f"{' | '.join(told)} |"
        )
    return "\n".join(lines)


def _verdict(own: Mapping[str, Any]) -> str:
    if not own["comparable"]:
        return "not comparable"
    fits = "inside the interval" if own["inside"] else "excluded"
    return f"{fits}, ΔAIC {own['delta_aic']:.1f}"
