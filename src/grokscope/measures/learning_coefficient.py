"""The local learning coefficient: how singular the loss is around a network's weights.

Near a minimum w* the volume of weights whose loss is within ε of it shrinks as ε^λ. A regular
minimum of d parameters has λ = d/2; the flatter and more degenerate, the smaller. It is estimated
by sampling around w* (arXiv 2308.12108).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator
from grokscope.core.settings import check_types, require_at_least
from grokscope.models import Parameters

StackLoss = Callable[[Parameters, Int[Tensor, "model batch"] | None], Tensor]
"""Mean loss of each model of a stack, on some of its training rows by number, or on all of them."""


@dataclass(frozen=True, kw_only=True)
class Langevin:
    """How to sample; the defaults are those of devinterp's notebook on grokking.

    In their notes there the estimate is steady for steps above 1e-3 and nβ below 100.
    """

    step: float = 3e-3
    """Step size ε."""
    localization: float = 5.0
    """Pull γ back to w*; without it the sampler leaves the neighbourhood."""
    nbeta: float = 2.0
    """Inverse temperature nβ; n/ln n is what the theory asks of n rows."""
    draws: int = 500
    """Samples of a chain."""
    burn_in: int = 0
    """Steps before the first sample; about 4/(ε γ) reach the stationary state."""
    chains: int = 1
    """Independent chains of every network; two or more give a spread."""
    batch_size: int | None = None
    """Training rows of a step; all of them where none is given."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("step", "nbeta"):
            if not getattr(self, name) > 0:
                raise SettingError(name, "greater than 0", getattr(self, name))
        require_at_least(0, self, "localization", "burn_in")
        require_at_least(1, self, "draws", "chains", "batch_size")


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningCoefficient:
    """Estimates of a stack of networks.

    Attributes:
        value: mean over the chains.
        spread: standard deviation of the chains' estimates; NaN with one chain.
        loss: loss at w*, on all training rows.
        trace: loss of every draw, on the rows of its step.
    """

    value: Float64[Tensor, " model"]
    spread: Float64[Tensor, " model"]
    loss: Float64[Tensor, " model"]
    trace: Float64[Tensor, "model chain draw"]


def llc(
    params: Parameters,
    loss: StackLoss,
    *,
    seeds: Sequence[int],
    n_rows: int,
    settings: Langevin | None = None,
    trained: Collection[str] | None = None,
) -> LearningCoefficient:
    """Local learning coefficient by stochastic gradient Langevin dynamics around w*.

    Formula: nβ (mean of the sampled losses − loss at w*), the samples drawn by
    w ← w − (ε/2) (nβ ∇L(w) + γ (w − w*)) + √ε · noise. Each loss is that of the step's rows before
    the step is taken; sampling starts at w*.

    All chains of all networks step as one stack. A chain's noise and rows depend on the network's
    seed and the chain's number alone, so that a network is measured the same in any company, and
    its checkpoints with the same noise.

    Unit: 1 (half a parameter of a regular model is .5). Range: any; below 0 where w* is no minimum
    and sampling finds lower losses. Source: arXiv 2308.12108; settings of devinterp's
    `examples/grokking.ipynb`. A localised estimate is lower than λ: a regular direction of
    curvature a counts nβa/(2(nβa + γ)). NaN for a network whose chains diverge.

    Args:
        params: of a stack of networks.
        loss: takes a stack in which the chains of a network follow each other.
        seeds: one per network; equal ones share noise.
        n_rows: training rows of each network, among which `batch_size` are drawn anew each step.
        settings: `Langevin()` unless given.
        trained: names of the parameters that move; all of them unless given.
    """
    how = settings or Langevin()
    if how.batch_size is not None and how.batch_size > n_rows:
        raise SettingError("batch_size", f"at most the {n_rows} training rows", how.batch_size)
    stack = {name: value.repeat_interleave(how.chains, 0) for name, value in params.items()}
    moving = sorted(stack if trained is None else trained)
    noise = _Noise(seeds, how.chains, {name: params[name].shape[1:] for name in moving})
    with torch.no_grad():
        at_start = loss(stack, None).double()
    trace = _sample(stack, moving, loss, noise, _Sampling(how, n_rows))
    rise = (trace - at_start.unsqueeze(1)).mean(1).view(-1, how.chains) * how.nbeta
    alone = torch.full((len(rise),), torch.nan, dtype=torch.float64)
    return LearningCoefficient(
        value=rise.mean(1),
        spread=rise.std(1) if how.chains > 1 else alone,
        loss=at_start[:: how.chains],
        trace=trace.view(-1, how.chains, how.draws),
    )


@dataclass(frozen=True)
class _Sampling:
    how: Langevin
    n_rows: int


class _Noise:
    """Random numbers of every chain; networks of one seed share theirs."""

    def __init__(self, seeds: Sequence[int], chains: int, shapes: dict[str, torch.Size]) -> None:
        distinct = list(dict.fromkeys(seeds))
        self._streams = [
            generator(seed, f"llc/chain {chain}") for seed in distinct for chain in range(chains)
        ]
        self._which = torch.tensor(
            [distinct.index(seed) * chains + chain for seed in seeds for chain in range(chains)]
        )
        self._shapes = shapes

    def weights(self) -> Parameters:
        """Standard Gaussian numbers, shaped like the parameters that move."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        drawn = torch.stack([torch.randn(sum(sizes), generator=s) for s in self._streams])
        parts = drawn[self._which].split(sizes, 1)
        named = zip(self._shapes.items(), parts, strict=True)
        return {
            name: part.unflatten(1, shape) if shape else part[:, 0] for (name, shape), part in named
        }

    def rows(self, batch_size: int | None, n_rows: int) -> Int[Tensor, "model batch"] | None:
        """Rows of a step, drawn without replacement."""
        if batch_size is None:
            return None
        drawn = [torch.randperm(n_rows, generator=s)[:batch_size] for s in self._streams]
        return torch.stack(drawn)[self._which]


def _sample(
    stack: Parameters, moving: Sequence[str], loss: StackLoss, noise: _Noise, sampling: _Sampling
) -> Float64[Tensor, "model draw"]:
    """Losses of every draw, step by step."""
    how, centre = sampling.how, {name: stack[name] for name in moving}
    trace: list[Float[Tensor, " model"]] = []
    for i in range(how.burn_in + how.draws):
        batch = noise.rows(how.batch_size, sampling.n_rows)
        here = {name: stack[name].detach().requires_grad_() for name in moving}
        losses = loss(stack | here, batch)
        if i >= how.burn_in:
            trace.append(losses.detach())
        gradients = torch.autograd.grad(losses.sum(), list(here.values()))
        shocks = noise.weights()
        with torch.no_grad():
            for (name, weight), gradient in zip(here.items(), gradients, strict=True):
                pull = how.nbeta * gradient + how.localization * (weight - centre[name])
                shock = shocks[name].to(weight) * how.step**0.5
                stack = stack | {name: weight - 0.5 * how.step * pull + shock}
    return torch.stack(trace, 1).double()
