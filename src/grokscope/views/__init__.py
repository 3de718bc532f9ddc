"""Figures and the HTML report: data in, Plotly figure out, for notebook, report and app alike."""

from grokscope.views.cell_map import share_map, time_map
from grokscope.views.circle_figure import circle_figure
from grokscope.views.circle_plane import circle_plane
from grokscope.views.group import Group, groups_of
from grokscope.views.law_figure import law_figure
from grokscope.views.legacy_plane import legacy_plane
from grokscope.views.neuron_figure import neuron_figure
from grokscope.views.phase_diagram import phase_diagram
from grokscope.views.profile_figure import profile_figure
from grokscope.views.progress_figure import progress_figure
from grokscope.views.report import render_report, write_report
from grokscope.views.spectrum_figure import spectrum_figure
from grokscope.views.survival_figure import survival_figure
from grokscope.views.sweep_report import render_sweep_report, write_sweep_report
from grokscope.views.training_figure import Extent, training_figure

__all__ = [
    "Extent",
    "Group",
    "circle_figure",
    "circle_plane",
    "groups_of",
    "law_figure",
    "legacy_plane",
    "neuron_figure",
    "phase_diagram",
    "profile_figure",
    "progress_figure",
    "render_report",
    "render_sweep_report",
    "share_map",
    "spectrum_figure",
    "survival_figure",
    "time_map",
    "training_figure",
    "write_report",
    "write_sweep_report",
]
