"""What is stored of networks that were never explained, for tests of tables and planes."""

from typing import Any


def circle(frequency: int = 3, **changes: Any) -> dict[str, Any]:
    """A clean clock, with changes."""
    return {
        "frequency": frequency,
        "label": "clock",
        "shape": 0.02,
        "attention": 0.8,
        "share": 0.25,
        "necessary": True,
    } | changes


def failed(name: str, value: float | None, threshold: float = 0.99) -> dict[str, Any]:
    """A test whose figure had to be at least the threshold."""
    words = {"name": name, "value": value, "threshold": threshold}
    return words | {"side": "at least", "passed": False, "about": ""}


def explanation(network: int = 0, **changes: Any) -> dict[str, Any]:
    """An explained network with one circle, with changes."""
    passed = failed("sufficiency", 1.0) | {"passed": True}
    row = {
        "network": network,
        "name": f"transformer, seed {network}",
        "step": 900,
        "group": "Z_31",
        "verdict": "explained",
        "grade": "A",
        "label": "clock",
        "sentence": "Explained.",
        "accuracy": 1.0,
        "circles": [circle()],
        "components": [],
        "subgroups": [],
        "parts": {},
        "tests": [passed],
        "legacy": legacy(),
    }
    return row | changes


def unexplained(network: int = 0, *tests: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A network that failed these tests."""
    others = explanation()["tests"]
    return explanation(network, verdict="unexplained", tests=[*others, *tests], **changes)


def inaccurate(network: int = 0) -> dict[str, Any]:
    """A network without circles and tests."""
    nothing: dict[str, Any] = {"circles": [], "tests": [], "label": "not accurate"}
    return explanation(network, verdict="not_accurate", accuracy=0.9, **nothing)


def legacy(**changes: Any) -> dict[str, Any]:
    """The published measures of a clock, with changes."""
    return {
        "gradient_symmetricity": 0.6,
        "distance_irrelevance": 0.9,
        "distance_irrelevance_top_wrong": 0.8,
        "circularity": 0.999,
        "label": "clock",
        "label_top_wrong": "clock",
    } | changes
