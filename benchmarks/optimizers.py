"""Times one step of every optimizer of a stack against torch's fused AdamW on the same tensors.

Run as `python -m benchmarks.optimizers`. Weights are those of the `nanda2023` network, gradients
are random, nothing else is computed. Torch moves one flat tensor with one set of hyper-parameters;
ours has hyper-parameters for each network. Contestants take turns, so that drift hits all alike.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from benchmarks.clock import clock
from grokscope.engine import SGD, AdamW, Muon, Optimizer
from grokscope.engine.adamw import FusedSteps, alike
from grokscope.engine.allocator import reuse_freed_memory
from grokscope.engine.capture import Program
from grokscope.engine.denormals import flushed_denormals
from grokscope.engine.state import Shapes
from grokscope.engine.update import Update
from grokscope.models import OneLayerTransformer, Vocab

CONTESTANTS: dict[str, Optimizer] = {
    "adamw, by coefficients": AdamW(),
    "adam, l2": AdamW(decay="l2"),
    "adamw, to init": AdamW(decay="to_init"),
    "adamw, l1": AdamW(l1=1e-4),
    "adamw, frozen and rescaled": AdamW(frozen="W_pos", lr_factors="W_E=10"),
    "adamw, fixed norm": AdamW(fixed_norm=1.0),
    "adamw, orthogonal": AdamW(orthogonal=True),
    "adamw, grokfast ema": AdamW(grokfast="ema"),
    "adamw, grokfast ma (20)": AdamW(grokfast="ma", grokfast_window=20),
    "adamw, gradient noise": AdamW(gradient_noise=1e-3),
    "sgd": SGD(),
    "muon": Muon(),
}
STEPS = 5  # a turn
Step = Callable[[], None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--d-model", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    reuse_freed_memory()
    model = OneLayerTransformer(d_model=given.d_model)
    one = model.init(Vocab(d_vocab=113, n_classes=113), [0])
    shapes = {name: tuple(value.shape[1:]) for name, value in one.items()}
    width = sum(torch.Size(shape).numel() for shape in shapes.values())
    print(f"{given.networks} networks of {width} parameters, {given.device}, ms per step")
    with flushed_denormals(), torch.no_grad():
        print(table(steps_of(shapes, given.networks, given.device), given.rounds, given.device))


def table(steps: dict[str, Step], rounds: int, device: str) -> str:
    """Median and percentiles of each contestant, and how many times as long as torch it takes."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        clock(step, 2, device)
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(clock(step, STEPS, device))
    lines = [f"{'':28} {'median':>8} {'p10':>8} {'p90':>8} {'over torch':>11}"]
    base = _quantile(times["torch, fused adamw"], 0.5)
    for name, taken in times.items():
        median, low, high = (_quantile(taken, q) for q in (0.5, 0.1, 0.9))
        lines.append(f"{name:28} {median:8.3f} {low:8.3f} {high:8.3f} {median / base:11.2f}")
    return "\n".join(lines)


def steps_of(shapes: Shapes, n_networks: int, device: str) -> dict[str, Step]:
    """A step of torch's and of each of ours; learning rates differ between the networks."""
    steps = {
        "torch, fused adamw": _torchs([AdamW()] * n_networks, shapes, device),
        "torch, a group per network": _torchs(_own(AdamW(), n_networks), shapes, device),
    }
    if device == "cpu":
        steps["adamw, all alike"] = _by_kernel([AdamW()] * n_networks, shapes)
        steps["adamw, each its own"] = _by_kernel(_own(AdamW(), n_networks), shapes)
    for name, settings in CONTESTANTS.items():
        steps[name] = _by_coefficients(_own(settings, n_networks), shapes, device)
    return steps


def _own(settings: Optimizer, n_networks: int) -> list[Optimizer]:
    return [replace(settings, lr=settings.lr * (1 + i / 100)) for i in range(n_networks)]


def _tensors(shapes: Shapes, n_networks: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    width = sum(torch.Size(shape).numel() for shape in shapes.values())
    theta, gradient = (torch.randn(n_networks, width, generator=stream) / 10 for _ in range(2))
    return theta.to(device), gradient.to(device)


def _torchs(settings: Sequence[Optimizer], shapes: Shapes, device: str) -> Step:
    """One flat tensor where all settings are the same, else a group for each network."""
    theta, gradient = _tensors(shapes, len(settings), device)
    same = len(set(settings)) == 1
    parts, slopes = ([theta], [gradient]) if same else (theta.unbind(), gradient.unbind())
    for part, slope in zip(parts, slopes, strict=True):
        part.grad = slope
    groups = [{"params": [part], "lr": own.lr} for part, own in zip(parts, settings, strict=False)]
    optimizer = torch.optim.AdamW(groups, weight_decay=1.0, betas=(0.9, 0.98), fused=True)

    def step() -> None:
        optimizer.step()

    return step


def _by_kernel(settings: Sequence[Optimizer], shapes: Shapes) -> Step:
    theta, gradient = _tensors(shapes, len(settings), "cpu")
    state = Update(settings, shapes).begin(theta, settings)
    taken = torch.ones(len(settings), dtype=torch.float64)
    kernel, networks = FusedSteps(state, gradient, taken), alike(settings, [100] * len(settings))

    def step() -> None:
        taken.add_(1)
        kernel.move(networks)

    return step


def _by_coefficients(settings: Sequence[Optimizer], shapes: Shapes, device: str) -> Step:
    """As in training: recorded."""
    theta, slope = _tensors(shapes, len(settings), device)
    update = Update(settings, shapes)
    state, own = update.begin(theta, settings), update.own(settings, range(len(settings)), theta)
    now = update.coefficients(settings, [100] * len(settings), 1)[0].to(theta)
    taken = torch.full((len(settings), 1), 100.0, dtype=torch.float64, device=device)
    gradient = torch.zeros_like(slope)

    def step() -> None:
        gradient.copy_(slope)  # a step overwrites it
        update.move(state, gradient, now, own, update.keys(own, taken))

    program = Program(step, [*state.values(), gradient])
    program.record()
    return lambda: program.run(1)


def _quantile(values: Sequence[float], q: float) -> float:
    return float(torch.tensor(values, dtype=torch.float64).quantile(q))


if __name__ == "__main__":
    main()
