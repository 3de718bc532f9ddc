"""Records of training."""

import math

import numpy as np
import pytest

from grokscope.core.errors import SettingError
from grokscope.measures.curve import Curve
from grokscope.measures.thresholds import Thresholds

GOOD = {
    "step": np.array([0, 1, 2]),
    "train_acc": np.array([0.2, 0.6, 1.0]),
    "test_acc": np.array([0.2, 0.4, 0.6]),
    "n_test": 10,
    "chance": 0.2,
}


def test_normalised_accuracy_is_zero_at_chance_and_one_at_the_ceiling():
    curve = Curve(**GOOD, ceiling=0.6)
    assert curve.train_q().tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert curve.test_q().tolist() == pytest.approx([0.0, 0.5, 1.0])


def test_test_accuracy_is_undefined_without_test_rows():
    curve = Curve(**{**GOOD, "n_test": 0})
    assert not curve.has_test
    assert all(math.isnan(q) for q in curve.test_q())


def test_until_keeps_the_evaluations_before_a_step():
    curve = Curve(**GOOD, train_loss=np.array([3.0, 2.0, 1.0])).until(2)
    assert curve.step.tolist() == [0, 1]
    assert curve.train_loss is not None
    assert curve.train_loss.tolist() == [3.0, 2.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_acc": np.zeros(2)}, "`test_acc` must be one value for each of 3 evaluations"),
        ({"step": np.array([0, 2, 2])}, "`step` must be strictly increasing"),
        ({"ceiling": 0.2}, "`ceiling` must be above the chance of 0.2, got 0.2"),
    ],
)
def test_records_that_cannot_be_are_refused(change, message: str):
    with pytest.raises(SettingError, match=message):
        Curve(**{**GOOD, **change})


@pytest.mark.parametrize("change", [{"held": -1}, {"grokked_hold": 0.96}, {"memorized_hold": 1.0}])
def test_thresholds_that_cannot_be_are_refused(change):
    with pytest.raises(SettingError):
        Thresholds(**change)
