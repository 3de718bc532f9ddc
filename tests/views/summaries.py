"""Summaries of networks that were never trained, for tests of words and medians."""

from typing import Any


def summary(index: int = 0, **changes: Any) -> dict[str, Any]:
    """A network that memorised at 100 and grokked at 600, with changes."""
    row = {
        "index": index,
        "seed": index,
        "label": "grokking",
        "stop_reason": "grokked",
        "reasons": ["because"],
        "steps": 900,
        "robust": True,
        "memorized_step": 100,
        "memorized_after": 90,
        "onset_step": 400,
        "grokked_step": 600,
        "grokked_after": 550,
        "delay_ratio": 6.0,
        "key_frequencies": [2, 5],
        "train_acc": 1.0,
        "test_acc": 0.99,
        "test_acc_novel": 0.99,
        "first_bad_tensor": None,
    }
    return row | changes


def censored(index: int = 0, **changes: Any) -> dict[str, Any]:
    """A network that had memorised but not generalised at step 3000."""
    late = {
        "label": "memorization",
        "stop_reason": "budget",
        "steps": 3000,
        "onset_step": None,
        "grokked_step": None,
        "grokked_after": None,
        "delay_ratio": None,
    }
    return summary(index, **{**late, **changes})


def diverged(index: int = 0) -> dict[str, Any]:
    """A network that broke down at step 50."""
    broken = {"label": "diverged", "stop_reason": "diverged", "steps": 50, "memorized_step": None}
    return censored(index, **broken, first_bad_tensor="W_E")
