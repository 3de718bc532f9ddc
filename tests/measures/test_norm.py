"""Sizes of weights and logits."""

import pytest
import torch

from grokscope.measures.norm import logit_scale, weight_norm
from reference import watching


def test_weight_norm_is_the_length_of_all_parameters_in_a_row():
    params = {
        "W_E": torch.randn(3, 4, 2),
        "W_O": torch.randn(3, 2, 2, 5),
        "b_in": torch.randn(3, 7),
    }
    expected = [
        torch.cat([p[i].double().flatten() for p in params.values()]).norm() for i in range(3)
    ]
    torch.testing.assert_close(weight_norm(params), torch.stack(expected))


def test_weight_norm_counts_the_named_parameters_only():
    params = {"W_E": torch.full((1, 3), 2.0), "rate": torch.ones(1)}
    assert weight_norm(params, ["W_E"]).item() == pytest.approx(12**0.5)


def test_logit_scale_is_a_root_mean_square_that_ignores_the_level_of_a_row():
    logits = torch.tensor([[[3.0, -3.0], [1.0, -1.0]]])
    assert logit_scale(logits).item() == pytest.approx(5**0.5)
    assert logit_scale(logits + 100).item() == pytest.approx(5**0.5)


def test_logit_scale_agrees_with_the_variance_of_each_row():
    logits = 3 + 20 * torch.randn(4, 50, 7)
    expected = [watching.logit_scale(network) for network in logits]
    assert logit_scale(logits).tolist() == pytest.approx(expected, rel=1e-6)
