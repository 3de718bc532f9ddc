"""Writes what the survey found: `results/survey.md` or `survey-wide.md`, and the figure."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.explainer.survey_figure import draw
from benchmarks.explainer.survey_plan import STRATA, FormName, plans
from benchmarks.explainer.survey_table import (
    Row,
    failures_table,
    is_accurate,
    labels_table,
    pairs_table,
    shares_table,
)

RESULTS = Path(__file__).parent / "results"
NAMES: dict[FormName, str] = {"cpu": "survey", "gpu": "survey-wide"}


def report(rows: Sequence[Row], form: FormName) -> str:
    """Tables of all strata; the nulls' false positives are those of `results/nulls.md`."""
    versions = sorted({row["explanation"]["thresholds"]["version"] for row in rows})
    nulls = RESULTS / "nulls.md"
    planned = sum(len(p.networks) for s in STRATA[form] for p in plans(form, s.n_layers))
    counted = (
        f"{len(rows)} networks of evaluation seeds, of {planned} that were planned, "
        f"{sum(map(is_accurate, rows))} of them accurate "
        "(.999 of the full table). Shares of the accurate ones, with 95 % Clopper–Pearson bounds."
    )
    parts = [
        f"# Survey of arXiv 2306.17844, thresholds {', '.join(versions)}",
        counted,
        shares_table(rows),
        *pairs_table(rows),
        "## Circles of accurate one-layer networks",
        labels_table(rows),
        "## Accurate and unexplained",
        failures_table(rows),
        "## The same rules on networks that are accurate for another reason",
        nulls.read_text().strip() if nulls.exists() else "not made yet",
    ]
    text = "\n\n".join(parts) + "\n"
    (RESULTS / f"{NAMES[form]}.md").write_text(text)
    return text + draw(rows, RESULTS / NAMES[form])
