"""An explanation as a small page for notebooks: the sentence, its circles or irreps, its tests."""

from collections.abc import Iterable, Sequence
from html import escape

from grokscope.explanation.causal_test import CausalTest
from grokscope.explanation.labelled_circle import LabelledCircle
from grokscope.explanation.labelled_irrep import LabelledIrrep

_WIDTH, _HEIGHT = 120, 28
_PASSED, _FAILED, _INK = "#009E73", "#D55E00", "#0072B2"


def heading(name: str, sentence: str) -> str:
    """Whose explanation it is, and the verdict."""
    whose = f"<b>{escape(name)}</b><br/>" if name else ""
    return f"<p>{whose}{escape(sentence)}</p>"


def circles_table(circles: Sequence[LabelledCircle]) -> str:
    """A row for each circle, with its profile A_k(d) drawn small over one turn of w_k d."""
    return table(
        ("frequency", "speaks at", "label", "shape ρ₁", "A_k(d)", "share", "necessary"),
        (
            (
                str(circle.frequency),
                str(circle.speaks),
                circle.label + ("" if circle.inner is None else f" (inner: {circle.inner})"),
                _shape(circle),
                _spark(_by_turn(circle)),
                f"{circle.share:.1%}",
                "yes" if circle.necessary else "redundant",
            )
            for circle in circles
        ),
    )


def irreps_table(irreps: Sequence[LabelledIrrep]) -> str:
    """A row for each irrep."""
    return table(
        ("irrep", "dimension", "share", "right without it"),
        (
            (escape(i.name), str(i.dimension), f"{i.share:.1%}", f"{i.accuracy_without:.1%}")
            for i in irreps
        ),
    )


def verdicts_table(tests: Sequence[CausalTest]) -> str:
    """A row for each causal test; what was done is shown under the mouse."""
    rows = (
        (
            _coloured("passed" if test.passed else "failed", test.passed),
            f'<span title="{escape(test.about)}">{escape(test.name)}</span>',
            f"{test.value:.4g}",
            f"{test.side} {test.threshold:.4g}",
        )
        for test in tests
    )
    return table(("", "test", "value", "threshold"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML; nothing for no rows."""
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{body}</table>"


def _shape(circle: LabelledCircle) -> str:
    if circle.shape is None or circle.shape_interval is None:
        return "–"
    low, high = circle.shape_interval
    return f"{circle.shape:.2f} [{low:.2f}, {high:.2f}]"


def _by_turn(circle: LabelledCircle) -> list[float]:
    """The profile over one turn of the circle, 0 to 2π, instead of over tokens."""
    n = len(circle.profile)
    return [circle.profile[d] for d in sorted(range(n), key=lambda d: circle.speaks * d % n)]


def _spark(profile: Sequence[float]) -> str:
    """A line through A_k(d), and one at 0."""
    top = max(*profile, 0.0)
    bottom = min(*profile, 0.0)
    scale = (_HEIGHT - 4) / ((top - bottom) or 1.0)
    step = _WIDTH / max(len(profile) - 1, 1)
    points = " ".join(f"{i * step:.1f},{2 + (top - a) * scale:.1f}" for i, a in enumerate(profile))
    zero = f"{2 + top * scale:.1f}"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="A_k(d)">'
        f'<path d="M0,{zero}H{_WIDTH}" stroke="#98a1b3" stroke-width="1"/>'
        f'<polyline points="{points}" fill="none" stroke="{_INK}" stroke-width="1.5"/></svg>'
    )


def _coloured(word: str, is_good: bool) -> str:
    return f'<span style="color:{_PASSED if is_good else _FAILED}">{word}</span>'
