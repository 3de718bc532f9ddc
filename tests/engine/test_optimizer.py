"""The stacked AdamW is torch.optim.AdamW, once per network."""

from collections.abc import Callable

import pytest
import torch
from benchmarks import textbook
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.engine import AdamW
from grokscope.engine.adamw import FusedSteps, alike
from grokscope.engine.state import State
from grokscope.engine.update import Update

MIXED = [
    AdamW(),
    AdamW(lr=3e-2, weight_decay=0.0, warmup_steps=0),
    AdamW(lr=1e-4, weight_decay=5.0, beta1=0.0, beta2=0.5, eps=1e-3),
    AdamW(lr=0.1, weight_decay=0.1, beta1=0.95, beta2=0.999, eps=1e-12, warmup_steps=7),
    AdamW(lr=0.0),
]
STEPS = 20
Kernel = Callable[[list[AdamW], torch.Tensor, torch.Tensor], torch.Tensor]
WIDTH = 30
SHAPES = {"W": (WIDTH,)}


def begun(settings: list[AdamW], start: torch.Tensor) -> tuple[Update, State]:
    update = Update(settings, SHAPES)
    return update, update.begin(start.clone(), settings)


def gradients(dtype: torch.dtype) -> torch.Tensor:
    """(step, network, parameter), over many orders of magnitude, some exactly zero."""
    stream = torch.Generator().manual_seed(0)
    values = torch.randn(STEPS, len(MIXED), WIDTH, generator=stream, dtype=torch.float64)
    scale = 10 ** torch.linspace(-9, 1, WIDTH, dtype=torch.float64)
    scale[3] = 0.0
    return (values * scale).to(dtype)


def stacked(settings: list[AdamW], start: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    update, state = begun(settings, start)
    upcoming = update.coefficients(settings, [0] * len(settings), len(slopes)).to(start)
    for now, slope in zip(upcoming, slopes, strict=True):
        update.move(state, slope.clone(), now, {})
    return state["theta"]


def fused(settings: list[AdamW], start: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    _, state = begun(settings, start)
    taken = torch.zeros(len(settings), dtype=torch.float64)
    gradient = torch.empty_like(slopes[0])
    kernel = FusedSteps(state, gradient, taken)
    for step, slope in enumerate(slopes):
        taken += 1
        gradient.copy_(slope)
        kernel.move(alike(settings, [step] * len(settings)))
    return state["theta"]


def one_by_one(settings: AdamW, start: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """Torch's own, with the learning rate of each step set by hand."""
    theta = torch.nn.Parameter(start.clone())
    s = settings
    optimizer = torch.optim.AdamW(
        [theta], lr=s.lr, betas=(s.beta1, s.beta2), eps=s.eps, weight_decay=s.weight_decay
    )
    for step, slope in enumerate(slopes):
        warm = textbook.Settings(warmup_steps=s.warmup_steps).warm(step)
        optimizer.param_groups[0]["lr"] = s.lr * warm
        theta.grad = slope.clone()
        optimizer.step()
    return theta.detach()


@pytest.mark.parametrize("kernel", [stacked, fused])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_it_takes_the_steps_of_torch_for_each_network(
    kernel: Kernel, dtype: torch.dtype, tolerance: float
):
    slopes = gradients(dtype)
    start = torch.randn(
        len(MIXED), WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    ).to(dtype)
    ours = kernel(MIXED, start, slopes)
    for i, settings in enumerate(MIXED):
        theirs = one_by_one(settings, start[i], slopes[:, i])
        assert (ours[i] - theirs).norm() <= tolerance * theirs.norm(), settings


@examples(max_examples=40)
@given(
    lr=st.floats(1e-6, 1.0),
    weight_decay=st.floats(0.0, 10.0),
    beta1=st.floats(0.0, 0.99),
    beta2=st.floats(0.0, 0.9999),
    eps=st.floats(1e-12, 1e-2),
    warmup_steps=st.integers(0, 12),
)
def test_it_agrees_with_torch_for_any_settings(
    lr: float, weight_decay: float, beta1: float, beta2: float, eps: float, warmup_steps: int
):
    settings = AdamW(
        lr=lr,
        weight_decay=weight_decay,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        warmup_steps=warmup_steps,
    )
    slopes = gradients(torch.float64)[:6, :1]
    start = torch.linspace(-2, 2, WIDTH, dtype=torch.float64)
    theirs = one_by_one(settings, start, slopes[:, 0])
    for kernel in (stacked, fused):
        ours = kernel([settings], start[None], slopes)[0]
        assert (ours - theirs).norm() <= 1e-11 * (1 + theirs.norm())


def test_networks_are_alike_by_hyper_parameters_and_present_learning_rate():
    slow, fast = AdamW(warmup_steps=10), AdamW(warmup_steps=0)
    found = alike([slow, None, fast, slow, AdamW(warmup_steps=10)], [5, 0, 5, 20, 5])
    assert found == {(slow, 5e-4): [0, 4], (fast, 1e-3): [2], (slow, 1e-3): [3]}


def test_a_network_that_is_not_named_stays_as_it_is():
    _, state = begun([AdamW(), AdamW()], torch.ones(2, WIDTH))
    before, taken = state["theta"].clone(), torch.ones(2, dtype=torch.float64)
    FusedSteps(state, torch.ones(2, WIDTH), taken).move({(AdamW(), 1e-3): [1]})
    for name, then in (("theta", before), ("exp_avg", before * 0), ("exp_avg_sq", before * 0)):
        assert (state[name][0] == then[0]).all()
        assert (state[name][1] != then[1]).all()


def test_every_network_counts_its_own_steps():
    slopes = gradients(torch.float64)[:2, :1].expand(2, 2, WIDTH)
    pair = [AdamW(), AdamW()]
    update, state = begun(pair, torch.ones(2, WIDTH, dtype=torch.float64))
    (now,) = update.coefficients(pair, [0, 5], 1)
    update.move(state, slopes[0].clone(), now, {})
    assert (state["theta"][0] == 1).all()  # warm-up starts at 0
    assert (state["theta"][1] != 1).any()


def test_standing_still_keeps_the_weights_to_the_bit():
    theta = torch.randn(1, WIDTH)
    update, state = begun([AdamW()], theta)
    update.move(state, torch.zeros(1, WIDTH), update.standstill(theta)[None], {})
    assert torch.equal(state["theta"], theta)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight_decay": -1.0}, r"`weight_decay` must be at least 0, got -1\.0\."),
        ({"lr": -1e-3}, "`lr` must be at least 0"),
        ({"lr": float("nan")}, "`lr` must be at least 0, got nan"),
        ({"beta1": 1.0}, r"`beta1` must be in \[0, 1\), got 1\.0"),
        ({"beta2": -0.1}, r"`beta2` must be in \[0, 1\)"),
        ({"warmup_steps": -1}, "`warmup_steps` must be at least 0"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, float], message: str):
    with pytest.raises(SettingError, match=message):
        AdamW(**settings)
