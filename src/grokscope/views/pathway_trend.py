"""How a domain's pathways go with its accuracy, beside what the step number alone achieves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grokscope.statistics.trend import Correlation, trend_correlations, trend_null
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.text_table import TextTable

TREND_MEASURES = {
    "distance_normalized": "normalised distance",
    "mean_cos": "mean cosine",
}
"""Those that are set against accuracy, in words."""
_FEWEST, _FEW = 3, 30
_SHOWN = {
    "levels": "levels",
    "log_step": "log step alone",
    "given_log_step": "levels given log step",
    "changes": "changes",
}


@dataclass(frozen=True, kw_only=True)
class PathwayTrend:
    """Of one measure of one domain.

    Attributes:
        domain: which.
        measure: its name.
        tested: the group whose accuracy it is.
        found: by comparison, see `trend_correlations`; of measurements after step 0.
    """

    domain: str
    measure: str
    tested: str
    found: Mapping[str, Correlation]

    @property
    def points(self) -> int:
        """Measurements that have both."""
        return self.found["levels"].points


def pathway_trends(curves: MonitorCurves) -> list[PathwayTrend]:
    """Of all domains that have an accuracy, measure by measure."""
    later = curves.steps > 0
    found: list[PathwayTrend] = []
    for domain in curves.domains:
        tested = curves.tested(domain)
        for measure in TREND_MEASURES if tested is not None else ():
            if tested is None or not curves.has(curves.main(domain), measure):
                continue
            correlations = trend_correlations(
                curves.series(curves.main(domain), measure)[later],
                curves.series(tested, "accuracy")[later],
                curves.steps[later],
            )
            found.append(
                PathwayTrend(domain=domain, measure=measure, tested=tested, found=correlations)
            )
    return found


def unrelated(points: int) -> float | None:
    """Median |r| of two noisy lines that have nothing to do with each other; of few points only."""
    if not _FEWEST <= points <= _FEW:
        return None
    return float(np.median(trend_null(points)))


def trend_table(trends: Sequence[PathwayTrend]) -> TextTable:
    """Pearson's coefficients with Spearman's in brackets."""
    rows = [
        [
            trend.domain,
            TREND_MEASURES[trend.measure],
            str(trend.points),
            *(_cell(trend.found[name]) for name in _SHOWN),
        ]
        for trend in trends
    ]
    head = ["domain", "measure", "points", *_SHOWN.values()]
    return TextTable(title="Correlation with accuracy", head=head, rows=rows, left=(0, 1))


def _cell(one: Correlation) -> str:
    if np.isnan(one.pearson) and np.isnan(one.spearman):
        return "–"
    return f"{_number(one.pearson)} ({_number(one.spearman)})"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
