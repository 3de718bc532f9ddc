"""A figure on a page: its data as JSON, what it shows in words, and how high it is."""

import json
from dataclasses import dataclass

import plotly.graph_objects as go
from markupsafe import Markup


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One figure with its alternative text.

    Attributes:
        data: Plotly JSON that is safe inside a script element.
        alt: what it shows, for those who do not see it.
        height: in pixels.
    """

    data: Markup
    alt: str
    height: int

    @classmethod
    def of(cls, figure: go.Figure, alt: str) -> "Picture":
        """The picture of a figure."""
        text = str(figure.to_json())
        height = int(json.loads(text)["layout"]["height"])
        return cls(data=script_json(text), alt=alt, height=height)


def script_json(text: str) -> Markup:
    """JSON that no script element can be left from: every `<`, `>` and `&` is an escape."""
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
