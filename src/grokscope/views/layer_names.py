"""Names of routers short enough for an axis."""

import re
from collections.abc import Sequence

_LABELS = 16


def short_layers(layers: Sequence[str]) -> list[str]:
    """What tells the names apart: `model.layers.12.mlp.gate` is `12`; a number where that fails."""
    if len(layers) < 2:
        return ["1"] * len(layers)
    numbers = [re.findall(r"\d+", name) for name in layers]
    same = {re.sub(r"\d+", "#", name) for name in layers}
    if len(same) == 1:
        for own in zip(*numbers, strict=True):
            if len(set(own)) == len(layers):
                return list(own)
    return [str(i + 1) for i in range(len(layers))]


def layer_axis(layers: Sequence[str]) -> dict[str, object]:
    """Layout of a vertical axis with the first layer at its foot; not all are labelled."""
    stride = -(-len(layers) // _LABELS)
    chosen = range(0, len(layers), stride)
    names = short_layers(layers)
    return {
        "tickvals": list(chosen),
        "ticktext": [names[i] for i in chosen],
        "range": [-0.5, len(layers) - 0.5],
        "title_text": "layer",
        "showgrid": False,
    }
