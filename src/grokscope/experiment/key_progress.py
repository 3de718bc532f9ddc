"""Final key frequencies, and the progress measures of every kept checkpoint that go by them.

By their published definition the measures use the frequencies of the end (arXiv 2301.05217), so
they are taken from the checkpoints when training is over, one checkpoint in memory at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grokscope.experiment.observer import Observer
from grokscope.measures.progress import Progress
from grokscope.models import Parameters
from grokscope.store import RunDirectory


def final_key_frequencies(run: RunDirectory, observer: Observer) -> dict[int, list[int]]:
    """Key frequencies of every network at its last checkpoint."""
    last: dict[int, str] = {}
    for entry in run.checkpoints():
        last |= dict.fromkeys(entry.networks, entry.name)
    found: dict[int, list[int]] = {}
    for name in sorted(set(last.values())):
        networks = [network for network, its_last in last.items() if its_last == name]
        keys = observer.key_frequencies(_weights(run, name, networks), networks)
        found |= zip(networks, keys, strict=True)
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
    for entry in run.checkpoints():
        some = [network for network in entry.networks if keys.get(network)]
        if not some:
            continue
        params = _weights(run, entry.name, some)
        measured = observer.progress(params, some, [keys[network] for network in some])
        if measured is None:
            return {}
        networks += some
        steps += [entry.step] * len(some)
        found.append(measured)
    return _columns(networks, steps, Progress.join(found)) if found else {}


def _columns(networks: Sequence[int], steps: Sequence[int], progress: Progress) -> dict[str, Any]:
    columns: dict[str, Any] = {"network": np.array(networks), "step": np.array(steps)}
    for name, values in vars(progress).items():
        is_series = isinstance(values, list)
        columns[f"progress/{name}"] = [v.tolist() for v in values] if is_series else values.numpy()
    return columns


def _weights(run: RunDirectory, name: str, networks: Sequence[int]) -> Parameters:
    """Parameters of some networks of a checkpoint."""
    point = run.load_checkpoint(name, ["model"])
    place = {network: i for i, network in enumerate(point.networks)}
    chosen = [place[network] for network in networks]
    return {name: value[chosen] for name, value in point.groups["model"].items()}
