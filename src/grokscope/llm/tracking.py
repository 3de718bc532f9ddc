"""What experiment trackers get of a measurement: few numbers, since each becomes a chart."""

from collections.abc import Callable

from grokscope.llm.measurement import Measurement
from grokscope.llm.panel_dictionary import SHOWN

Tracker = Callable[[dict[str, float], int], None]
"""Gets a few numbers by name, and the step: `lambda numbers, step: run.log(numbers, step=step)`."""

MOST_KEYS = 60
"""Numbers that a tracker gets at a step; domains beyond that are in the run directory only."""


def tracked(measurement: Measurement, alerts: int = 0) -> dict[str, float]:
    """The main numbers across groups and of the first groups, at most `MOST_KEYS`."""
    found = {"moe/alerts": float(alerts)}
    found |= {f"moe/{name}": value for name, value in measurement.whole.items()}
    found |= {
        f"moe/{group}/{name}": panel.scalars[name]
        for group, panel in measurement.groups.items()
        for name in SHOWN
        if name in panel.scalars
    }
    return dict(list(found.items())[:MOST_KEYS])
