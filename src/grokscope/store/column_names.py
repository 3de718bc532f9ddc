"""What a column or a tag that somebody else named is: steps, train or test accuracy, train loss."""

import re
from collections.abc import Mapping
from typing import Literal

Role = Literal["train_acc", "test_acc", "train_loss"]

STEP_NAMES = (
    *("step", "global_step", "trainer_global_step", "train_step", "train_global_step"),
    *("optimizer_step", "steps", "iteration", "iterations", "iter", "update", "updates"),
    *("epoch", "epochs"),
)
TRAIN_WORDS = {"train", "training", "tr"}
TEST_WORDS = ("test", "testing", "val", "valid", "validation", "eval", "heldout", "holdout")
_ACCURACY = {"acc", "accuracy"}
_LOSS = {"loss", "nll", "ce"}
_OTHERS = {"min", "max", "std", "stderr", "var", "best", "top5"}
_GLUED = re.compile(r"(train|test|val|valid|eval)(acc|accuracy|loss)")


def choose_columns(names: Mapping[int, str]) -> tuple[dict[Role, int], list[str]]:
    """Which column is what, by its name, with a note where several would do.

    >>> choose_columns({0: "val/accuracy", 1: "train/accuracy", 2: "train/accuracy_std"})[0]
    {'test_acc': 0, 'train_acc': 1}
    """
    candidates: dict[Role, list[int]] = {}
    for column, name in names.items():
        role = role_of(name)
        if role is not None:
            candidates.setdefault(role, []).append(column)
    bare = [column for column, name in names.items() if plain_name(name) in _ACCURACY]
    if "train_acc" not in candidates and "test_acc" in candidates and bare:
        candidates["train_acc"] = bare
    chosen: dict[Role, int] = {}
    notes: list[str] = []
    for role, columns in candidates.items():
        best = min(columns, key=lambda column: _rank(names[column]))
        chosen[role] = best
        if len(columns) > 1 or role_of(names[best]) is None:
            others = [f"`{names[column]}`" for column in columns if column != best]
            instead = f", not {', '.join(others)}" if others else ""
            notes.append(f"`{names[best]}` was taken for {role}{instead}")
    return chosen, notes


def role_of(name: str) -> Role | None:
    """What a column is, by the words in its name."""
    words = set(_words(name))
    if words & _OTHERS:
        return None
    if words & _ACCURACY:
        if words & TRAIN_WORDS:
            return "train_acc"
        return "test_acc" if words & set(TEST_WORDS) else None
    return "train_loss" if words & _LOSS and words & TRAIN_WORDS else None


def _rank(name: str) -> tuple[int, int]:
    """Test before validation, short names before long ones."""
    words = _words(name)
    subject = min((TEST_WORDS.index(word) for word in words if word in TEST_WORDS), default=0)
    return subject, len(words)


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    words = re.findall(r"[a-z0-9]+", spaced.lower())
    glued = [match.groups() if (match := _GLUED.fullmatch(w)) else (w,) for w in words]
    return [part for parts in glued for part in parts]


def plain_name(name: str) -> str:
    """A name in lower case with single underscores: `trainer/global_step`, `_step`, `Step`."""
    return "_".join(_words(name))
