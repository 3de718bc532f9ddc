"""Final key frequencies, and the progress measures of every kept checkpoint that go by them.

By their published definition the measures use the frequencies of the end (arXiv 2301.05217), so
they are taken from the checkpoints when training is over, a few networks at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from grokscope.experiment.observer import Observer
from grokscope.measures.progress import Progress
from grokscope.store import RunDirectory

_NUMBERS = ("restricted_loss", "excluded_loss", "full_loss", "logit_fve")


def final_key_frequencies(run: RunDirectory, observer: Observer) -> dict[int, list[int]]:
    """Key frequencies of every network at its last checkpoint."""
    last: dict[int, str] = {}
    for entry in run.checkpoints():
        last |= dict.fromkeys(entry.networks, entry.name)
    found: dict[int, list[int]] = {}
    for name in sorted(set(last.values())):
        point = run.load_checkpoint(name, ["model"])
        chosen = [i for i, network in enumerate(point.networks) if last[network] == name]
        networks = [point.networks[i] for i in chosen]
        params = {name: value[chosen] for name, value in point.groups["model"].items()}
        found |= zip(networks, observer.key_frequencies(params, networks), strict=True)
    return found


def progress_columns(
    run: RunDirectory, observer: Observer, keys: Mapping[int, Sequence[int]]
) -> dict[str, Any]:
    """Progress measures of every kept checkpoint, with each network's final key frequencies.

    They say something of those frequencies only, so a network without any has none.
    """
    networks: list[int] = []
    steps: list[int] = []
    found: list[Progress] = []
    for step, some, measured in _measured(run, observer, keys):
        networks += some
        steps += [step] * len(some)
        found.append(measured)
    if not found:
        return {}
    singly = [row.tolist() for part in found for row in part.excluded_loss_by_frequency]
    columns = {
        f"progress/{name}": torch.cat([getattr(part, name) for part in found]).numpy()
        for name in _NUMBERS
    }
    identity = {"network": np.array(networks), "step": np.array(steps)}
    return identity | columns | {"progress/excluded_loss_by_frequency": singly}


def _measured(
    run: RunDirectory, observer: Observer, keys: Mapping[int, Sequence[int]]
) -> Iterator[tuple[int, Sequence[int], Progress]]:
    """Step, networks and progress measures, a few networks of one checkpoint at a time."""
    for entry in run.checkpoints():
        if not any(keys.get(network) for network in entry.networks):
            continue
        point = run.load_checkpoint(entry.name, ["model"])
        chosen = [i for i, network in enumerate(point.networks) if keys.get(network)]
        networks = [point.networks[i] for i in chosen]
        params = {name: value[chosen] for name, value in point.groups["model"].items()}
        for part, some in observer.chunks(params, networks):
            measured = observer.progress(part, some, [keys[network] for network in some])
            if measured is not None:
                yield point.step, some, measured
