"""Names of routers short enough for an axis."""

import os
from collections.abc import Sequence

_LABELS = 16


def short_layers(layers: Sequence[str]) -> list[str]:
    """What tells the names apart: `model.layers.12.mlp.gate` is `12`; a number where that fails."""
    if len(layers) < 2:
        return ["1"] * len(layers)
    before = os.path.commonprefix(list(layers)).rstrip("0123456789")
    after = os.path.commonprefix([name[::-1] for name in layers]).rstrip("0123456789")
    cut = [name[len(before) : len(name) - len(after)] for name in layers]
    has_short = all(0 < len(name) <= 6 for name in cut) and len(set(cut)) == len(cut)
    return cut if has_short else [str(i + 1) for i in range(len(layers))]


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
