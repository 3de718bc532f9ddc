"""How strongly a circle speaks up as the operands move apart, against what each algorithm does."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from grokscope.views.theme import BLUE, FAINT, GREEN, INK, VERMILLION, dress, plain

FORMS = {"flat": BLUE, "|cos|": VERMILLION, "harmonic": GREEN}
"""Hypothetical profiles and their colours."""
_FORM_OF = {"clock": "flat", "ensemble": "flat", "pizza": "|cos|", "companion": "harmonic"}

Values = Float[np.ndarray, " difference"]


def profile_figure(
    profile: Sequence[float], speaks: int, offset: float, title: str, label: str = ""
) -> go.Figure:
    """A_k(d) over the angle k·d/n in turns, over its maximum, with three forms fitted to it.

    Args:
        profile: A_k(d) for d = 0 … n − 1.
        speaks: the frequency k of the logits.
        offset: d₀ in tokens, where |cos| is strongest.
        title: plain text.
        label: the circle's hypothesis; the form that goes with it is drawn heavily.
    """
    values = np.asarray(profile, dtype=np.float64)
    scale = float(np.abs(values).max()) or 1.0
    n = len(values)
    turns = speaks * np.arange(n) % n / n
    order = np.argsort(turns, kind="stable")
    forms = fitted_forms(values / scale, turns, offset * speaks / n)
    lines = [_form(turns[order], form[order], name, label) for name, form in forms.items()]
    figure = go.Figure([*lines, _measured(turns[order], values[order] / scale, order)])
    figure.update_xaxes(
        range=[-0.02, 1.02], tickvals=[0, 0.5, 1], title_text="difference, in turns"
    )
    figure.update_yaxes(
        range=[-1.12, 1.12], tickvals=[-1, 0, 1], zeroline=True, zerolinecolor=FAINT
    )
    figure = dress(figure, height=230)
    figure.update_layout(margin={"l": 30, "r": 8, "t": 34, "b": 44}, showlegend=False)
    text = {"text": f"<b>{plain(title)}</b>", "font_size": 13, "x": 0.5, "xanchor": "center"}
    figure.update_layout(title=text)
    return figure


def fitted_forms(values: Values, turns: Values, offset: float) -> dict[str, Values]:
    """A constant, |cos(π(x − x₀))| and a first harmonic of x, each in its best fit to the values.

    Args:
        values: of the profile.
        turns: x, the angle of each difference.
        offset: x₀.
    """
    flat = np.full_like(values, values.mean())
    curve = np.abs(np.cos(math.pi * (turns - offset)))
    waves = np.stack([np.cos(2 * math.pi * turns), np.sin(2 * math.pi * turns)], 1)
    strength, *_ = np.linalg.lstsq(waves, values, rcond=None)
    pizza = curve * float(curve @ values) / max(float(curve @ curve), 1e-12)
    return {"flat": flat, "|cos|": pizza, "harmonic": waves @ strength}


def _form(turns: Values, form: Values, name: str, label: str) -> go.Scatter:
    own = _FORM_OF.get(label) == name
    return go.Scatter(
        x=turns, y=form, mode="lines", name=name, opacity=1 if own else 0.55,
        line={"color": FORMS[name], "width": 3 if own else 1.4, "dash": "solid" if own else "dot"},
        hovertemplate=f"{name} %{{y:.2f}}<extra></extra>",
    )  # fmt: skip


def _measured(
    turns: Values, values: Values, differences: Int[np.ndarray, " difference"]
) -> go.Scatter:
    return go.Scatter(
        x=turns, y=values, mode="markers", name="measured", customdata=differences.tolist(),
        marker={"size": 4.5, "color": INK},
        hovertemplate="difference %{customdata}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
