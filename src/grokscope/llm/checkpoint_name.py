"""What the name of a checkpoint means: a directory or a model on the hub, and the step it is of.

    runs/olmoe/checkpoint-500                            a directory, step 500
    allenai/OLMoE-1B-7B-0924@step5000-tokens20B          a revision on the hub, with its tokens
    org/name                                             a model on the hub, its main revision

Nothing is asked of the hub for a name that is a directory.
"""

import hashlib
import itertools
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokscope.core.errors import UsageError

_HUB = re.compile(r"([\w.-]+/[\w.-]+)(?:@(.+))?")
_STEP = re.compile(
    r"(?:^|[-_.])(?:global[-_]?)?(?:steps?|checkpoint|ckpt|iter(?:ation)?)[-_=]?(\d+)",
    re.IGNORECASE,
)
_TOKENS = re.compile(r"(?:^|[-_.])tokens?[-_=]?(\d+(?:\.\d+)?)([KMBT]?)(?![a-z\d])", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_SAFE = "model.safetensors"
_PICKLED = "pytorch_model.bin"
WEIGHTS = (_SAFE, f"{_SAFE}.index.json", _PICKLED, f"{_PICKLED}.index.json")
"""Files of weights as transformers looks for them, the first that there is."""

_SAMPLES, _SAMPLE = 64, 4096
"""Pieces of a file, and bytes of each, that tell it from others."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a model or a tokenizer is.

    Attributes:
        name: as the user gave it.
        path: the directory, or None where it is on the hub.
        repository: `org/name` on the hub; empty for a directory.
        revision: branch, tag or commit on the hub; None for the main one.
    """

    name: str
    path: Path | None = None
    repository: str = ""
    revision: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What `from_pretrained` is called with."""
        if self.path is not None:
            return {"pretrained_model_name_or_path": str(self.path)}
        where = {"pretrained_model_name_or_path": self.repository}
        return where if self.revision is None else where | {"revision": self.revision}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A model at one time of its training.

    Attributes:
        place: where it is.
        step: updates before it, by its name; or its number in the order given.
        tokens: that training had read, if the name says so.
    """

    place: Place
    step: int
    tokens: int | None = None


def find_checkpoints(names: Sequence[str]) -> list[Checkpoint]:
    """The checkpoints by step.

    Steps are read from the last part of a directory's name, or from the revision. Where no name
    has one, steps are 0, 1, 2 … in the order given.

    Raises:
        UsageError: there is none, or no such directory, or it holds no model; or two have the same
            step, or only some have one.
    """
    if not names:
        raise UsageError("Which checkpoints? Name directories, or models on the hub (org/name).")
    places = [find_place(name) for name in names]
    for place in places:
        if place.path is not None:
            require_model(place.path)
    steps = [step_of(_label(place)) for place in places]
    without = [place.name for place, step in zip(places, steps, strict=True) if step is None]
    if without and len(without) < len(names):
        raise UsageError(
            f"{without[0]} names no step, but others do: all must, such as checkpoint-500, or none."
        )
    found = [
        Checkpoint(
            place=place,
            step=position if step is None else step,
            tokens=None if step is None else tokens_of(_label(place)),
        )
        for position, (place, step) in enumerate(zip(places, steps, strict=True))
    ]
    found.sort(key=lambda one: one.step)
    for one, other in itertools.pairwise(found):
        if one.step == other.step:
            raise UsageError(
                f"{one.place.name} and {other.place.name} are both of step {one.step}."
            )
    return found


def find_place(name: str) -> Place:
    """A directory, or else a model on the hub, which is not asked yet.

    Raises:
        UsageError: it can be neither.
    """
    path = Path(name).expanduser()
    if "\0" in name or not name.strip():
        raise UsageError(f"{name!r} is no name of a checkpoint.")
    if path.is_dir():
        return Place(name=name, path=path.resolve())
    if path.exists():
        raise UsageError(f"{name} is a file: name the directory of a model.")
    on_hub = _HUB.fullmatch(name)
    # a name beside what is there is a misspelt path, and no business of the hub's
    if on_hub is None or (on_hub[2] is None and path.parent.is_dir()):
        raise UsageError(f"There is no directory {name}.")
    return Place(name=name, repository=on_hub[1], revision=on_hub[2])


def require_model(path: Path) -> None:
    """Refuse a directory that holds no model.

    Raises:
        UsageError: it has no config.json, or no weights, or lacks some of them.
    """
    if not (path / "config.json").is_file():
        raise UsageError(f"{path} is no model: it has no config.json.")
    weights = weights_file(path)
    if weights is None:
        raise UsageError(f"{path} has no weights: neither {_SAFE} nor {_PICKLED}.")
    if weights.endswith(".index.json"):
        missing = [part for part in _parts(path / weights) if not (path / part).is_file()]
        if missing:
            raise UsageError(f"{path} lacks weights: {weights} names {missing[0]}, which is gone.")


def weights_file(path: Path) -> str | None:
    """The file of a directory's weights, or their index; None if there is none."""
    return next((name for name in WEIGHTS if (path / name).is_file()), None)


def is_pickled(path: Path) -> bool:
    """Whether a directory's weights are no safetensors."""
    return (weights_file(path) or "").startswith(_PICKLED)


def weights_fingerprint(place: Place) -> str | None:
    """Hexadecimal digits that tell a directory's weights from others; None for the hub.

    Of the sizes of its files and of some of their bytes, evenly spread: to read all of them takes
    as long as to load them.
    """
    name = None if place.path is None else weights_file(place.path)
    if place.path is None or name is None:
        return None
    parts = _parts(place.path / name) if name.endswith(".index.json") else [name]
    digest = hashlib.sha256()
    for part in parts:
        with (place.path / part).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            digest.update(f"{part} {size}\n".encode())
            for sample in range(_SAMPLES):
                stream.seek(max(0, size - _SAMPLE) * sample // (_SAMPLES - 1))
                digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()[:16]


def step_of(label: str) -> int | None:
    """The step in a name such as `step5000-tokens20B`, `checkpoint-500` or `00000100`.

    >>> step_of("stage2-step23000-tokens49B"), step_of("final")
    (23000, None)
    """
    if label.isascii() and label.isdigit():
        return int(label)
    found = _STEP.search(label)
    return int(found[1]) if found else None


def tokens_of(label: str) -> int | None:
    """The tokens in a name.

    >>> tokens_of("step5000-tokens20B"), tokens_of("checkpoint-500")
    (20000000000, None)
    """
    found = _TOKENS.search(label)
    return round(float(found[1]) * _UNITS[found[2].upper()]) if found else None


def model_name(checkpoints: Sequence[Checkpoint]) -> str:
    """What the checkpoints are of: a model on the hub, or the directory that they are in."""
    repositories = {one.place.repository for one in checkpoints}
    parents = {one.place.path.parent for one in checkpoints if one.place.path is not None}
    names = sorted((repositories - {""}) | {str(parent) for parent in parents})
    return ", ".join(names)


def _label(place: Place) -> str:
    """The part of a name that may say a step."""
    if place.path is not None:
        return place.path.name
    return place.revision or place.repository.partition("/")[2]


def _parts(index: Path) -> list[str]:
    try:
        named: Any = json.loads(index.read_bytes())["weight_map"]
        return sorted(set(named.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{index} is no index of weights.") from error
