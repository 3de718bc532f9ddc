"""What a run showed, in sentences: counts by label, a censored median, and its state."""

from collections import Counter
from collections.abc import Sequence

from grokscope.experiment import Run
from grokscope.views.censored import censored_median
from grokscope.views.group import Summary, ratio_wait

_SAID = {
    "comprehension": "generalised without a delay that counts as grokking (comprehension)",
    "semi_grokking": "settled at a partial test accuracy (semi-grokking)",
    "ungrokking": "generalised and lost it after the training data changed (ungrokking)",
    "anti_grokking": "generalised and lost it again while still fitting the training data "
    "(anti-grokking)",
    "collapse": "lost what had been learned, training accuracy included (collapse)",
    "diverged": "diverged: the loss left every bound, and nothing is said about later",
}
_STATES = {
    "created": "Training has not begun.",
    "running": "Training is still going on: this page shows what there is so far.",
    "interrupted": "Training was interrupted and can be resumed: this page shows what there is.",
    "failed": "Training failed: this page shows what there was by then.",
}


def verdict(rows: Sequence[Summary]) -> list[str]:
    """Sentences about all networks, the main one first; empty before there are summaries."""
    if not rows:
        return []
    counts = Counter(str(row["label"]) for row in rows)
    main = [_grokked(rows, counts["grokking"])]
    return main + [
        sentence
        for label in counts
        if (sentence := _other(label, [row for row in rows if row["label"] == label], len(rows)))
    ]


def state_sentence(run: Run) -> str | None:
    """What to know of a run that has not finished; None for one that has."""
    if run.state == "finished":
        return None
    said = _STATES.get(run.state, f"The state of this run is “{run.state}”.")
    error = run.directory.status.get("error")
    return f"{said} ({error})" if error else said


def ratio_words(ratio: int | float | None) -> str:
    """A delay ratio for people, rounded to what it can bear."""
    return "not reached" if ratio is None else f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"


def step_words(step: int | float | None) -> str:
    """A step for people."""
    return "not reached" if step is None else f"{step:,.0f}"


def _grokked(rows: Sequence[Summary], count: int) -> str:
    total = len(rows)
    if total == 1:
        return _alone(rows[0])
    if not count:
        return f"None of {total} networks grokked."
    head = f"{count} of {total} networks grokked"
    median = censored_median(wait for row in rows if (wait := ratio_wait(row)))
    seen = sorted(row["delay_ratio"] for row in rows if row["label"] == "grokking")
    spread = f"{ratio_words(seen[0])} to {ratio_words(seen[-1])}"
    if median is None:
        tail = f"the median delay ratio over all {total} was not reached; seen were {spread}."
        return f"{head}; {tail}"
    if count == total:
        return f"{head}: median delay ratio {ratio_words(median)} ({spread})."
    return (
        f"{head}: median delay ratio {ratio_words(median)} over all {total}, with those that had "
        f"not generalised counted as longer (seen were {spread})."
    )


def _alone(row: Summary) -> str:
    if row["label"] == "grokking":
        ratio = ratio_words(row["delay_ratio"])
        return f"The network grokked: delay ratio {ratio}. One seed is one story, no statistic."
    return f"The network had not grokked by step {row['steps']:,}."


def _other(label: str, rows: Sequence[Summary], total: int) -> str | None:
    if label == "grokking":
        return None
    subject = "It" if total == 1 else f"{len(rows)} of {total}"
    if label in _SAID:
        return f"{subject} {_SAID[label]}."
    by = f"step {max(row['steps'] for row in rows):,}"
    if all(row["test_acc"] is None for row in rows):
        done = "memorised" if label == "memorization" else "not memorised"
        return f"{subject} had {done} by {by}; without test rows there is no more to see."
    if label == "memorization":
        return (
            f"{subject} had memorised but not generalised by {by}, where training ended: "
            "censored, which does not mean never."
        )
    if label == "confusion":
        return f"{subject} had not even memorised by {by}: censored, which does not mean never."
    return f"{subject}: {label}."
