"""Figures and the HTML report: data in, Plotly figure out, for notebook, report and app alike."""

from grokscope.views.cell_map import share_map, time_map
from grokscope.views.circle_figure import circle_figure
from grokscope.views.circle_plane import circle_plane
from grokscope.views.distance_figure import distance_figure
from grokscope.views.domain_loss_figure import domain_loss_figure
from grokscope.views.group import Group, groups_of
from grokscope.views.law_figure import law_figure
from grokscope.views.layer_map import layer_map, load_map
from grokscope.views.legacy_plane import legacy_plane
from grokscope.views.memory_gap import memory_gaps
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.monitor_report import render_monitor_report, write_monitor_report
from grokscope.views.neuron_figure import neuron_figure
from grokscope.views.pathway_accuracy_figure import pathway_accuracy_figure
from grokscope.views.pathway_figures import (
    balance_figure,
    consistency_figure,
    settling_figure,
    sharing_figure,
    twin_figure,
)
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
    "MonitorCurves",
    "balance_figure",
    "circle_figure",
    "circle_plane",
    "consistency_figure",
    "distance_figure",
    "domain_loss_figure",
    "groups_of",
    "law_figure",
    "layer_map",
    "legacy_plane",
    "load_map",
    "memory_gaps",
    "neuron_figure",
    "pathway_accuracy_figure",
    "phase_diagram",
    "profile_figure",
    "progress_figure",
    "render_monitor_report",
    "render_report",
    "render_sweep_report",
    "settling_figure",
    "share_map",
    "sharing_figure",
    "spectrum_figure",
    "survival_figure",
    "time_map",
    "training_figure",
    "twin_figure",
    "write_monitor_report",
    "write_report",
    "write_sweep_report",
]
