"""The words of a report: what counts as grokking, in plain language, and every metric."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from grokscope.measures.dictionary import METRICS, Metric
from grokscope.measures.thresholds import GROKDEF_1

_INDEX = ("network", "step")


def definitions(thresholds: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Terms and their meaning with the thresholds that were applied."""
    t = {**vars(GROKDEF_1), **(thresholds or {})}
    return [
        (
            "Accuracy on a scale from chance to the best (q)",
            (
                "Thresholds are about q = (accuracy − chance) / (best possible − chance): 0 is "
                "guessing, 1 is perfect. Of real targets accuracy is 1 − L/L₀, where L is the mean "
                "squared error and L₀ that of the best constant."
            ),
        ),
        (
            "Novel and mirrored test rows",
            (
                "A test row (a, b) is mirrored when (b, a) was trained on and has the same "
                "answer. A network that adds its two embeddings knows it as soon as it has "
                "memorised, so generalisation is judged on the other rows, the novel ones."
            ),
        ),
        (
            "Memorised",
            (
                f"The first evaluation at which training q is at least {t['memorized']:g} and does "
                f"not fall below {t['memorized_hold']:g} at the next {t['held']}."
            ),
        ),
        (
            "Onset",
            (
                f"The first evaluation at which test q is above {t['onset']:g} by more than "
                f"{t['onset_errors']:g} standard errors of guessing, and stays above "
                f"{t['onset']:g}."
            ),
        ),
        (
            "Grokked step",
            (
                f"The first evaluation at which test q on novel rows is at least {t['grokked']:g} "
                f"and does not fall below {t['grokked_hold']:g} at the next {t['held']}."
            ),
        ),
        *_judgements(t),
    ]


def glossary(columns: Collection[str]) -> list[Metric]:
    """The metric dictionary's entries for the columns that a run has."""
    return [metric for name, metric in METRICS.items() if name in columns and name not in _INDEX]


def source_link(source: str) -> str | None:
    """Where an arXiv source can be read; None for another source."""
    name, _, number = source.partition(" ")
    return f"https://arxiv.org/abs/{number}" if name == "arXiv" and number else None


def flat_environment(env: Mapping[str, Any], path: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The environment as pairs of name and text; the command that was typed is left out."""
    rows: list[tuple[str, str]] = []
    for name, value in env.items():
        if name == "argv" or value in (None, []):
            continue
        words = (*path, str(name)) if name != "versions" else path
        if isinstance(value, Mapping):
            rows += flat_environment(cast("Mapping[str, Any]", value), words)
        else:
            text = {"True": "yes", "False": "no"}.get(str(value), str(value))
            rows.append((" ".join(words).replace("_", " "), text))
    return rows


def _judgements(t: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Terms about what is concluded from the events."""
    return [
        (
            "Interval (after, step]",
            (
                "Networks are evaluated at log-spaced steps. An event lies after the one "
                "evaluation and no later than the other; both are given."
            ),
        ),
        (
            "Delay ratio",
            (
                "Grokked step divided by memorised step. A network that had memorised but not "
                "generalised when training ended has only a lower bound."
            ),
        ),
        ("Label “grokking”", _grokking(t)),
        (
            "Other labels",
            (
                "Comprehension: generalised without such a delay. Memorization: memorised, but not "
                "generalised when training ended. Confusion: not even memorised by then. "
                "Semi-grokking, anti-grokking, ungrokking, collapse: a partial rise, or a loss of "
                "what was learned. Diverged: the loss left all bounds."
            ),
        ),
        (
            "Robust",
            "The label is the same whether grokked means a test q of .9, .95 or .99.",
        ),
        (
            "Censored median",
            (
                "Networks that had not got there when training ended count as longer than they "
                "were watched (Kaplan–Meier); they are never left out. If half did not get there, "
                "the median is “not reached”."
            ),
        ),
    ]


def _grokking(t: Mapping[str, Any]) -> str:
    steps = f", the delay is at least {t['delay_steps']:,} steps" if t["delay_steps"] else ""
    return (
        f"Memorised and grokked, the delay ratio is at least {t['delay_ratio']:g}{steps}, at least "
        f"{t['delay_evaluations']} evaluations lie between the two events, and test q stays within "
        f"{t['plateau_band']:g} of where it was at memorisation for at least "
        f"{100 * t['plateau_share']:.0f} % of the delay, measured in log-steps (the plateau)."
    )
