"""Grokking inside mixture-of-experts language models: routers tapped, pathways measured.

    from grokscope.llm import Monitor, Probe

    monitor = Monitor(model, probes, every=500)

Names are imported when they are first used; transformers only where a model of it is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grokscope.llm.measurement import Measurement, Measuring
    from grokscope.llm.monitor import Monitor
    from grokscope.llm.monitor_run import MonitorRun
    from grokscope.llm.pathways import Pathways
    from grokscope.llm.probe import Probe, ProbeSet
    from grokscope.llm.router import Router, find_routers
    from grokscope.llm.tap import RouterTap

_HOMES = {
    "Measurement": "measurement",
    "Measuring": "measurement",
    "Monitor": "monitor",
    "MonitorRun": "monitor_run",
    "Pathways": "pathways",
    "Probe": "probe",
    "ProbeSet": "probe",
    "Router": "router",
    "RouterTap": "tap",
    "find_routers": "router",
}

__all__ = [
    "Measurement",
    "Measuring",
    "Monitor",
    "MonitorRun",
    "Pathways",
    "Probe",
    "ProbeSet",
    "Router",
    "RouterTap",
    "find_routers",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'grokscope.llm' has no attribute {name!r}")
    return getattr(import_module(f"grokscope.llm.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
