"""One colour per label of a run, the same on every diagram.

Colours are those of Okabe and Ito, so that people with the common colour blindnesses tell phases
apart; beside the colour there is always a letter.
"""

from grokscope.views.theme import BLUE, FAINT, GREEN, INK, VERMILLION

LABEL_COLOURS = {
    "comprehension": GREEN,
    "grokking": BLUE,
    "memorization": "#F2C14E",
    "confusion": "#D3D8E0",
    "semi_grokking": "#CC79A7",
    "ungrokking": "#8C6BB1",
    "anti_grokking": VERMILLION,
    "collapse": "#7B4B2A",
    "diverged": "#3b4252",
}
TIE_COLOUR = "#ffffff"
"""Of cells in which several labels are equally frequent."""
_DARK = ("comprehension", "grokking", "ungrokking", "anti_grokking", "collapse", "diverged")


def label_colour(label: str) -> str:
    """The colour of a label."""
    return LABEL_COLOURS.get(label, FAINT)


def ink_on(label: str) -> str:
    """The colour of letters on a label's colour."""
    return "#ffffff" if label in _DARK else INK


def label_words(label: str) -> str:
    """A label for people."""
    return label.replace("_", "-")
