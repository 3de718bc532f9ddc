"""The words of a sweep's report: what it showed, and how to read its figures."""

from collections.abc import Sequence

from grokscope.sweep.cell_axis import value_words
from grokscope.sweep.cells import Cells
from grokscope.sweep.overview import Overview, SweptSetting
from grokscope.sweep.result import GROKDEF, LIU
from grokscope.sweep.tally import Tally
from grokscope.views.cell_frame import setting_words
from grokscope.views.label_palette import label_words

_LISTED = 14
RULE_NAMES = {GROKDEF: "grokdef/1", LIU: "the rule of Liu et al., arXiv 2205.10343"}

READING = (
    (
        "Hatched: censored",
        (
            "The budget ended before these runs had generalised. “Memorization (censored)” means "
            "memorised but not generalised so far; “confusion (censored)” not even memorised so "
            "far. It never means that they would not have, given more steps: "
            "a hatched cell may be another phase with a larger budget."
        ),
    ),
    (
        "A strip along the foot: mixed",
        (
            "Seeds in this cell differ. The strip shows all of their labels in proportion, the "
            "area and the letter the most frequent one, and the numbers how many of how many. "
            "Where several are equally frequent the cell is white and names them all."
        ),
    ),
    (
        "A diamond in the corner: unstable",
        (
            "Another label prevails at half of the budget, or if 90 % or 99 % of the test rows "
            "count as generalisation instead of 95 %. Such a cell is one with this budget and "
            "this threshold, not one of the setting."
        ),
    ),
    (
        "Points with bars: half generalise",
        (
            "In each row, where half of the runs generalise within the budget, with a 95 % "
            "interval from resampled seeds. Too little and too much can both prevent it, so a row "
            "may have two; an end beyond what was tried is not drawn."
        ),
    ),
    (
        "Few seeds",
        (
            "Of four runs that agree, the share that generalises is still only known to be above "
            "51 %. Point at a cell for its intervals, and for those with what like neighbours "
            "lend; these are for the picture, the cell's own numbers are the ones to quote."
        ),
    ),
)
"""How to read a phase diagram, by sign."""


def headline(cells: Cells, overview: Overview) -> list[str]:
    """What the sweep showed, the main sentence first."""
    results = cells.results
    grokked = sum(result.has_grokked for result in results)
    counts = Tally.of(result.label for result in results).counts
    delayed = counts.get("grokking", 0)
    labels = ", ".join(f"{n} {label_words(label)}" for label, n in counts.items())
    censored = sum(cell.censored for cell in cells.cells)
    budgets = {result.budget for result in results}
    within = f"{max(budgets):,} steps" if len(budgets) == 1 else "their budgets"
    stable = sum(cell.is_stable(GROKDEF) for cell in cells.cells)
    found = [
        f"{grokked} of {len(results)} runs generalised within {within}; {delayed} runs grokked.",
        f"By grokdef/1: {labels}.",
        (
            f"{stable} of {len(cells.cells)} cells are stable: they have the same label at half "
            "the budget and by thresholds of .9, .95 and .99."
        ),
    ]
    if censored:
        found.append(
            f"{censored} runs had not generalised when their budget ended: censored, which does "
            "not mean never."
        )
    return found


def state_sentence(overview: Overview) -> str | None:
    """What to know of a sweep that is not complete."""
    own = overview.standing
    if own.is_complete:
        return None
    left = own.runs - own.done
    failed = f", and {len(own.failed)} cohorts of them cannot be trained" if own.failed else ""
    return f"{left:,} of {own.runs:,} runs are not done yet{failed}: this page shows the rest."


def scope_sentences(cells: Cells) -> list[str]:
    """What was fixed, what is pooled, and what has bins."""
    found: list[str] = []
    if cells.fixed:
        said = ", ".join(f"{setting_words(n)} {value_words(v)}" for n, v in cells.fixed.items())
        found.append(f"Only runs with {said} are shown.")
    if cells.pooled:
        said = ", ".join(f"{setting_words(n)} ({k} values)" for n, k in cells.pooled.items())
        found.append(f"Each cell pools runs that differ in {said}: mixed cells may be due to that.")
    binned = [axis for axis in (cells.x, cells.y) if axis is not None and axis.has_bins]
    if binned:
        said = " and ".join(setting_words(axis.name) for axis in binned)
        found.append(f"Values of {said} were drawn, and are shown in {len(binned[0].levels)} bins.")
    return found


def swept_rows(settings: Sequence[SweptSetting]) -> list[tuple[str, str, str, str]]:
    """Name, number of values, values, and role of every setting that varies."""
    return [
        (s.name, str(len(s.values)), _listed(s), "axis" if s.is_axis else _role(s))
        for s in settings
    ]


def _role(setting: SweptSetting) -> str:
    return "pooled or fixed" if len(setting.values) > 1 else "one value so far"


def _listed(setting: SweptSetting) -> str:
    words = [
        f"{value:.4g}" if isinstance(value, float) else value_words(value)
        for value in setting.values
    ]
    if len(words) <= _LISTED:
        return ", ".join(words)
    return f"{', '.join(words[:3])}, … {words[-1]}"
