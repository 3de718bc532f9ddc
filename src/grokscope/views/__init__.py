"""Figures and the HTML report: data in, Plotly figure out, for notebook, report and app alike."""

from grokscope.views.circle_figure import circle_figure
from grokscope.views.circle_plane import circle_plane
from grokscope.views.group import Group, groups_of
from grokscope.views.legacy_plane import legacy_plane
from grokscope.views.neuron_figure import neuron_figure
from grokscope.views.profile_figure import profile_figure
from grokscope.views.progress_figure import progress_figure
from grokscope.views.report import render_report, write_report
from grokscope.views.spectrum_figure import spectrum_figure
from grokscope.views.training_figure import Extent, training_figure

__all__ = [
    "Extent",
    "Group",
    "circle_figure",
    "circle_plane",
    "groups_of",
    "legacy_plane",
    "neuron_figure",
    "profile_figure",
    "progress_figure",
    "render_report",
    "spectrum_figure",
    "training_figure",
    "write_report",
]
