"""The pictures of a run: which networks are drawn, and what is said of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from grokscope.core.errors import UsageError
from grokscope.experiment import Run
from grokscope.experiment.portrait import Portrait
from grokscope.experiment.quantities import Quantities
from grokscope.measures.portrait import EmbeddingCircle
from grokscope.views.circle_figure import circle_figure
from grokscope.views.group import Group, Summary
from grokscope.views.headline import ratio_words, step_words
from grokscope.views.neuron_figure import neuron_figure
from grokscope.views.picture import Picture
from grokscope.views.progress_figure import progress_figure
from grokscope.views.spectrum_figure import spectrum_figure
from grokscope.views.training_figure import Extent, training_figure

PORTRAITS = 3
"""Circles and neurons are drawn for at most so many groups."""
CIRCLES = 8
"""At most so many circles for one network, those with most energy."""
OTHERS = 12
"""At most so many spectra beside those of the representatives."""


@dataclass(frozen=True, kw_only=True)
class NetworkPortrait:
    """Pictures of one network, and why it was chosen."""

    title: str
    chosen: str
    colour: str
    circles: Sequence[Picture]
    neurons: Sequence[Picture]
    left_out: int
    """Key frequencies without a circle."""


def training_pictures(
    curves: Mapping[str, Any], groups: Sequence[Group], names: Quantities
) -> list[Picture]:
    """Accuracy and loss, one picture per group on the same axes."""
    if not len(curves.get("step", ())):
        return []
    extent = Extent.of(curves)
    return [
        Picture.of(training_figure(curves, group, extent, names), _training_alt(group))
        for group in groups
    ]


def progress_picture(
    curves: Mapping[str, Any], progress: Mapping[str, Any], groups: Sequence[Group]
) -> Picture | None:
    """The column of progress measures."""
    if not len(curves.get("step", ())):
        return None
    names = ", ".join(group.name for group in groups)
    alt = f"Progress measures against step, one panel each, for {names}."
    return Picture.of(progress_figure(curves, progress, groups), alt)


def spectrum_picture(curves: Mapping[str, Any], group: Group, network: int) -> Picture | None:
    """Spectrum of one network's embedding over time."""
    row = group.summary(network)
    keys = list(row["key_frequencies"]) if row else []
    events = {"memorised": row["memorized_step"], "grokked": row["grokked_step"]} if row else {}
    title = network_title(group, network)
    figure = spectrum_figure(curves, network, keys, events, title)
    if figure is None:
        return None
    found = f"key frequencies {' '.join(map(str, keys))}" if keys else "no key frequencies"
    return Picture.of(figure, f"Norm of the embedding by frequency and step, {title}; {found}.")


def other_spectra(curves: Mapping[str, Any], groups: Sequence[Group]) -> list[Picture]:
    """Spectra of networks that do not represent their groups."""
    others = [(g, network) for g in groups for network in g.networks if network != g.representative]
    drawn = (spectrum_picture(curves, group, network) for group, network in others[:OTHERS])
    return [picture for picture in drawn if picture is not None]


def network_portrait(run: Run, group: Group) -> NetworkPortrait | None:
    """Circles and neurons of a group's representative; None where they cannot be drawn."""
    network = group.representative
    try:
        portrait = run.portrait(network)
    except UsageError:  # no checkpoint yet, or a network that diverged before its first
        return None
    if portrait is None or not torch.isfinite(portrait.neurons.maps).all():
        return None
    by_share = sorted(portrait.circles, key=lambda circle: -circle.share)[:CIRCLES]
    shown = sorted(by_share, key=lambda circle: circle.frequency)
    structure = run.plan.networks[network].task.table().cyclic
    tokens = structure.operands(0).tolist() if structure else None
    return NetworkPortrait(
        title=network_title(group, network),
        chosen=chosen_words(group),
        colour=group.colour,
        circles=[_circle(circle, tokens) for circle in shown],
        neurons=_neurons(portrait, by_logarithm=tokens != list(range(portrait.order))),
        left_out=len(portrait.circles) - len(shown),
    )


def chosen_words(group: Group) -> str:
    """Why the representative of a group is drawn."""
    network, row = group.representative, group.summary(group.representative)
    if len(group.networks) == 1:
        return f"Network {network}, the only one of its kind."
    if row is None:
        return f"Network {network}, the middle one by number; the run has not been judged yet."
    if row["grokked_step"] is None:
        return (
            f"Network {network} (seed {row['seed']}), the middle one of {len(group.networks)}; "
            "it had not grokked when training ended."
        )
    return (
        f"Network {network} (seed {row['seed']}), the one with the median grokked step of "
        f"{len(group.networks)}: {row['grokked_step']:,}."
    )


def network_title(group: Group, network: int) -> str:
    """Such as `attention rate 0, seed 2`."""
    row: Summary | None = group.summary(network)
    return f"{group.name}, seed {row['seed']}" if row else f"{group.name}, network {network}"


def _training_alt(group: Group) -> str:
    if not group.rows:
        return f"Accuracy and loss against step for {group.name}."
    return (
        f"Accuracy and loss against step for {group.name}: median memorised step "
        f"{step_words(group.median_step('memorized'))}, median grokked step "
        f"{step_words(group.median_step('grokked'))}, median delay ratio "
        f"{ratio_words(group.median_delay_ratio())}."
    )


def _circle(circle: EmbeddingCircle, tokens: Sequence[int] | None) -> Picture:
    alt = (
        f"Token embeddings in the plane of frequency {circle.frequency}, which holds "
        f"{circle.share:.0%} of the embedding's energy."
    )
    return Picture.of(circle_figure(circle, tokens), alt)


def _neurons(portrait: Portrait, *, by_logarithm: bool) -> list[Picture]:
    maps = portrait.neurons
    coordinate = "logarithm of operand" if by_logarithm else "operand"
    return [
        Picture.of(
            neuron_figure(maps, i, coordinate),
            f"Activation of neuron {int(maps.index[i])} over both operands, "
            f"frequency {int(maps.frequency[i])}.",
        )
        for i in range(len(maps.index))
    ]
