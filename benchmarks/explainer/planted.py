"""Planted networks by kind: built by hand, so that the algorithm they run is known."""

from collections.abc import Callable

from torch import Generator

from benchmarks.explainer.clock import clock, pizza_transformer
from benchmarks.explainer.collapsed import collapsed
from benchmarks.explainer.ensemble import coset, ensemble, mixture
from benchmarks.explainer.lookup import lookup
from benchmarks.explainer.network import Planted, noisy, relative_margin, scaled
from benchmarks.explainer.pizza import companion, line, pizza, pizza_offset
from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator

BUILDERS: dict[str, Callable[[Generator], Planted]] = {
    "pizza": pizza,
    "pizza-transformer": pizza_transformer,
    "pizza-offset": pizza_offset,
    "clock": clock,
    "ensemble": ensemble,
    "mixture": mixture,
    "companion": companion,
    "line": line,
    "collapsed": collapsed,
    "coset": coset,
    "lookup": lookup,
}
LABELS: tuple[str, ...] = tuple(BUILDERS)
NOISE_LEVELS = (0.0, 0.02, 0.05)
"""Levels at which every kind keeps accuracy 1 on the full table."""
SAFE_MARGINS = {0.0: 0.2, NOISE_LEVELS[-1]: 0.02}
"""Noise → smallest margin over the logits' RMS; networks that have less are drawn again."""
DRAWS = 100


def plant(label: str, *, seed: int, noise: float = 0.0) -> Planted:
    """A network of one kind. All noise levels of a seed are the same network."""
    if label not in BUILDERS:
        raise SettingError("label", f"one of {', '.join(LABELS)}", label)
    return noisy(_drawn(label, seed), noise, seed)


def _drawn(label: str, seed: int) -> Planted:
    for i in range(DRAWS):
        planted = scaled(BUILDERS[label](generator(seed, f"planted/{label}/{i}")))
        if _is_safe(planted, seed):
            return planted
    raise ValueError(f"no {label} network with a margin in {DRAWS} draws of seed {seed}")


def _is_safe(planted: Planted, seed: int) -> bool:
    """Accuracy 1, and still so at the highest noise level."""
    return all(
        relative_margin(noisy(planted, noise, seed)) > least
        for noise, least in SAFE_MARGINS.items()
    )


__all__ = ["BUILDERS", "LABELS", "NOISE_LEVELS", "Planted", "plant"]
