"""Collapsed rows in every precision."""

import numpy as np
import pytest
import torch

from grokscope.measures.softmax_collapse import softmax_collapse
from reference.snapshots import slow_collapse

TYPES = {torch.float16: np.float16, torch.float32: np.float32, torch.float64: np.float64}
# a gap g adds e^-g to 1: it is lost beyond ln(2/eps) and kept before, in each type
LIMITS = {torch.float16: 7.6, torch.float32: 16.6, torch.float64: 36.7}


@pytest.mark.parametrize("dtype", TYPES)
def test_agreement_with_sums_term_by_term(dtype: torch.dtype):
    stream = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 60, 5, generator=stream) * torch.linspace(1, 40, 60).view(1, 60, 1)
    labels = logits[0].argmax(1)
    labels[::3] = 0
    rows = torch.rand(2, 60, generator=stream) < 0.7
    found = softmax_collapse(logits, labels, rows, dtype)
    for i in range(2):
        chosen = rows[i].nonzero().flatten().tolist()
        expected = slow_collapse(logits[i].numpy(), labels.tolist(), chosen, TYPES[dtype])
        assert found[i].item() == pytest.approx(expected)
    assert 0 < found[0] < 1


@pytest.mark.parametrize("dtype", TYPES)
def test_rows_collapse_beyond_a_gap_that_the_precision_sets(dtype: torch.dtype):
    gaps = torch.tensor([LIMITS[dtype] - 0.4, LIMITS[dtype] + 0.4])
    logits = torch.zeros(1, 2, 2)
    logits[0, :, 1] = gaps
    rows = torch.ones(1, 2, dtype=torch.bool)
    assert softmax_collapse(logits, torch.tensor([1, 1]), rows, dtype).item() == 0.5
    first = torch.tensor([[True, False]])
    assert softmax_collapse(logits, torch.tensor([1, 1]), first, dtype).item() == 0.0


def test_a_confident_mistake_has_a_gradient_and_is_not_collapsed():
    logits = torch.tensor([[[0.0, 90.0], [90.0, 0.0]]])
    rows = torch.ones(1, 2, dtype=torch.bool)
    assert softmax_collapse(logits, torch.tensor([1, 1]), rows, torch.float32).item() == 0.5
    assert softmax_collapse(logits, torch.tensor([1, 1]), rows & False, torch.float32).isnan()
