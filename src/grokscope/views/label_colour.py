"""One colour per kind of circle, on every figure of what was learned."""

from grokscope.views.theme import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILLION

CIRCLE_COLOURS = {
    "clock": BLUE,
    "pizza": VERMILLION,
    "mixture": PURPLE,
    "companion": GREEN,
    "ensemble": ORANGE,
    "coset": "#00acc8",
    "line": "#7b4b2a",
    "unlabelled": "#8d96a6",
}
"""By label; clock, pizza and companion have the colours of their forms in `profile_figure`."""

SEVERAL, LOOKUP, INACCURATE = "several kinds", "lookup", "not accurate"
NETWORK_COLOURS = CIRCLE_COLOURS | {SEVERAL: INK, LOOKUP: "#d4b400", INACCURATE: "#8d96a6"}
"""Of networks: of the one kind of circle that they have, or of none or several."""

_READ_OUT = " + collapsed read-out"


def network_kind(label: str) -> str:
    """A key of `NETWORK_COLOURS` for a network's label, such as `clock + mixture`."""
    kind = label.removesuffix(_READ_OUT)
    return kind if kind in NETWORK_COLOURS else SEVERAL
