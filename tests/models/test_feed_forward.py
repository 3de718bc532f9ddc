"""An MLP with its residual connection: what the formula says, at every activation."""

import pytest
import torch

from grokscope.models.base import Activation
from grokscope.models.feed_forward import FeedForward

D, WIDTH, OUT = 6, 9, 5
FUNCTIONS = {"relu": torch.relu, "gelu": torch.nn.functional.gelu, "square": torch.square}


def leaves() -> dict[str, torch.Tensor]:
    shapes = {
        "W_in": (D, WIDTH),
        "b_in": (WIDTH,),
        "W_out": (WIDTH, D),
        "b_out": (D,),
        "x": (4, D),
        "behind": (D, OUT),
    }
    stream = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(2, *shape, generator=stream, dtype=torch.float64).requires_grad_()
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("folds", [False, True])
def test_values_and_all_gradients_are_the_plain_ones(activation: Activation, folds: bool):
    given = leaves()
    behind = given["behind"] if folds else None
    found = FeedForward.of(given, activation, behind)(given["x"])
    post = FUNCTIONS[activation](given["x"] @ given["W_in"] + given["b_in"].unsqueeze(1))
    expected = given["x"] + post @ given["W_out"] + given["b_out"].unsqueeze(1)
    expected = expected @ given["behind"] if folds else expected
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    inputs = [value for name, value in given.items() if folds or name != "behind"]
    pairs = zip(
        torch.autograd.grad(found.tanh().sum(), inputs),
        torch.autograd.grad(expected.tanh().sum(), inputs),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in pairs)
