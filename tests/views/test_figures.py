"""The figures: what is drawn where."""

import math

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from grokscope.experiment import Run
from grokscope.measures.portrait import EmbeddingCircle
from grokscope.views import (
    Group,
    circle_figure,
    groups_of,
    neuron_figure,
    progress_figure,
    spectrum_figure,
    training_figure,
)
from grokscope.views.circle_figure import around
from grokscope.views.loss_axis import loss_axis, power_words
from grokscope.views.phase import phases_of
from grokscope.views.step_axis import STEP_ZERO, step_axis
from views.summaries import censored, summary


def names(figure: go.Figure) -> list[str]:
    return [trace.name for trace in figure.data if trace.showlegend is not False and trace.name]


def test_step_zero_is_at_the_left_edge_of_the_step_axis():
    axis = step_axis(3000)
    assert axis["range"][0] == math.log10(STEP_ZERO)
    assert axis["ticktext"] == ["0", "1", "10", "100", "1,000"]


@pytest.mark.parametrize("high", [1e-8, 0.011, 3.0, 1e5])
def test_a_loss_axis_has_a_few_plain_ticks(high: float):
    axis = loss_axis(1e-8, high)
    assert 1 <= len(axis["tickvals"]) <= 7
    assert all(
        axis["range"][0] <= math.log10(tick) <= axis["range"][1] for tick in axis["tickvals"]
    )


def test_powers_of_ten_are_written_out_where_they_are_short():
    assert [power_words(x) for x in (1e-6, 0.01, 1, 20, 1000, 1e5)] == [
        "10⁻⁶",
        "0.01",
        "1",
        "20",
        "1,000",
        "10⁵",
    ]


def test_phases_follow_the_median_events():
    group = Group(name="g", networks=(0,), rows=(summary(0),))
    assert [(phase.name, phase.start, phase.end) for phase in phases_of(group, 3000)] == [
        ("memorisation", STEP_ZERO, 100),
        ("plateau", 100, 400),
        ("generalisation", 400, 600),
        ("after", 600, 900),
    ]


def test_a_censored_group_is_on_its_plateau_to_the_end():
    group = Group(name="g", networks=(0,), rows=(censored(0),))
    assert [phase.name for phase in phases_of(group, 3000)] == ["memorisation", "plateau"]
    assert phases_of(Group(name="g", networks=(0,)), 3000) == []


def test_training_shows_a_median_with_a_band_per_part(two_kinds: Run):
    group = groups_of(two_kinds.plan, two_kinds.networks)[0]
    figure = training_figure(two_kinds.curves, group)
    assert {"training rows", "test rows, novel", "single seeds"} <= set(names(figure))
    assert sum(trace.fill == "toself" for trace in figure.data) == 6


def test_one_seed_has_no_band(two_kinds: Run):
    group = Group(name="one", networks=(0,))
    figure = training_figure(two_kinds.curves, group)
    assert not any(trace.fill for trace in figure.data)
    assert "single seeds" not in names(figure)


def test_fifty_seeds_do_not_give_fifty_lines(two_kinds: Run):
    steps = np.arange(5)
    columns = ("train/acc", "train/loss", "test/acc_novel", "test/loss_novel")
    curves = {"network": np.repeat(np.arange(50), 5), "step": np.tile(steps, 50)}
    curves |= {column: np.random.default_rng(0).random(250) for column in columns}
    figure = training_figure(curves, Group(name="many", networks=tuple(range(50))))
    assert len(figure.data) < 100


def test_the_progress_column_has_a_panel_per_measure_and_a_colour_per_group(two_kinds: Run):
    groups = groups_of(two_kinds.plan, two_kinds.networks)
    figure = progress_figure(two_kinds.curves, two_kinds.progress, groups)
    assert len(list(figure.select_yaxes())) == 8
    assert names(figure) == ["attention rate 0", "attention rate 1"]


def test_a_spectrum_marks_steps_and_key_frequencies(two_kinds: Run):
    figure = spectrum_figure(two_kinds.curves, 0, [2], {"memorised": 5, "grokked": None})
    assert figure is not None
    heat = figure.data[0]
    assert heat.z.shape[0] == 3
    assert len(heat.x) == heat.z.shape[1] + 1
    assert [note.text for note in figure.layout.annotations] == ["memorised 5", "◂ 2"]
    assert spectrum_figure({"network": [0], "step": [0]}, 0) is None


def test_going_round_a_circle_visits_neighbours_of_the_angle():
    # 4 · 3 = 12 = 1 (mod 11): from one token to the next the coordinate grows by 3.
    assert around(11, 4).tolist() == [3 * i % 11 for i in range(11)]
    assert around(6, 2).tolist() == [0, 3, 1, 4, 2, 5]


def test_a_circle_is_square_and_names_tokens():
    angles = 2 * math.pi * 4 * torch.arange(11) / 11
    points = torch.stack([angles.cos(), angles.sin()], 1)
    circle = EmbeddingCircle(frequency=4, points=points, share=0.5)
    figure = circle_figure(circle, tokens=list(range(1, 12)))
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.data[1].text[0] == "1"
    assert "50 %" in figure.layout.title.text


def test_a_neuron_map_names_its_neuron_and_frequency(two_kinds: Run):
    portrait = two_kinds.portrait(0)
    assert portrait is not None
    figure = neuron_figure(portrait.neurons, 0)
    assert f"neuron {int(portrait.neurons.index[0])}" in figure.layout.title.text
    assert figure.data[0].z.shape == (7, 7)


def test_markup_in_a_name_is_shown_and_not_read(two_kinds: Run):
    group = Group(name="<b>bold</b>", networks=(0, 1))
    figure = training_figure(two_kinds.curves, group)
    assert figure.layout.title.text == "&lt;b&gt;bold&lt;/b&gt;"
