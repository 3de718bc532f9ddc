"""Every recorded number is explained."""

import pytest

from grokscope.measures.catalogue import MEASURES
from grokscope.measures.dictionary import METRICS

CURVES = {
    "network",
    "step",
    "wall_seconds",
    "train/loss",
    "train/acc",
    "test/loss",
    "test/acc",
    "test/loss_novel",
    "test/acc_novel",
    "test/loss_mirrored",
    "test/acc_mirrored",
    "test/loss_ood",
    "test/acc_ood",
    "train/within",
    "test/within",
    "test/within_novel",
    "test/within_mirrored",
    "norm/weights",
    "logit/scale",
    "fourier/gini_W_E",
    "fourier/gini_W_L",
    "fourier/spectrum_W_E",
    "fourier/n_key_frequencies",
}
PROGRESS = {
    "progress/restricted_loss",
    "progress/excluded_loss",
    "progress/excluded_loss_by_frequency",
    "progress/full_loss",
    "progress/logit_fve",
}


def test_every_column_has_an_entry_and_every_entry_a_column():
    measured = {column for measure in MEASURES.values() for column in measure.columns}
    assert set(METRICS) == CURVES | PROGRESS | measured


@pytest.mark.parametrize("name", sorted(METRICS))
def test_entries_are_complete(name: str):
    metric = METRICS[name]
    assert metric.name == name
    assert metric.formula
    assert metric.unit
    assert metric.range
    assert metric.source
