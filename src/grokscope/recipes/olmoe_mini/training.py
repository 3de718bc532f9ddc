"""One run of the study: an arm with a seed, trained in a single pass with the monitor on."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokscope.core.errors import GrokscopeError
from grokscope.core.seeds import stream_seed
from grokscope.llm.measurement import Measurement, Measuring
from grokscope.llm.monitor import Monitor
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.recipes.olmoe_mini.arm import ARMS, Arm
from grokscope.recipes.olmoe_mini.form import Form
from grokscope.recipes.olmoe_mini.mixture import Mixture
from grokscope.recipes.olmoe_mini.model import Sharpening, loss_of, make_model
from grokscope.recipes.olmoe_mini.stream import Stream, Wanted, make_stream, make_words
from grokscope.recipes.olmoe_mini.tokenizer import Words

BETAS = 0.9, 0.98
CLIP = 1.0
LAST_RATE = 0.1
"""Of the cosine, in parts of the rate."""
PAIRS = 2_000

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a run trains on and is measured on."""

    words: Words
    stream: Stream
    probes: ProbeSet
    chances: dict[str, float]
    checksum: str


def prepare(form: Form, arm: Arm, seed: int) -> Prepared:
    """The stream and the probes of a seed; twins, tests and canaries are set aside first."""
    mixture = Mixture.of(seed, shuffled=arm.shuffled, packages=form.packages)
    words, lengths = make_words(mixture, seed, form.d_vocab)
    wanted = Wanted(
        rows=form.steps * form.batch,
        length=form.length,
        batch=form.batch,
        probes=form.probes,
        canaries=form.canaries,
        shares=form.shares,
    )
    stream = make_stream(mixture, words, lengths, wanted, seed)
    questions = _questions(mixture, words, form.items, seed)
    probes = ProbeSet((*stream.probes, *questions))
    return Prepared(
        words=words,
        stream=stream,
        probes=probes,
        chances={name: domain.chance for name, domain in mixture.domains.items()},
        checksum=mixture.checksum,
    )


def train(form: Form, arm_name: str, seed: int, out: Path, say: Say) -> Path:
    """Train and measure; the run directory of the monitor.

    Args:
        form: the sizes.
        arm_name: which arm.
        seed: of everything that is drawn.
        out: the folder of runs.
        say: is told how it goes.
    """
    arm = ARMS[arm_name]
    started = time.monotonic()
    prepared = prepare(form, arm, seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = make_model(form, arm, prepared.words, seed, device)
    monitor = Monitor(
        model,
        prepared.probes,
        every=form.measured,
        out=out,
        name=f"olmoe-mini-{arm_name}-{seed}",
        measuring=Measuring(pairs=PAIRS),
    )
    assert monitor.run is not None
    path = monitor.run.path
    prepared.words.tokenizer.save(str(path / "tokenizer.json"))
    say(f"{arm_name} {seed}: {_count(model):.2f} M parameters, {form.tokens / 1e6:.1f} M tokens")
    _loop(form, arm, model, prepared.stream, monitor, say)
    if monitor.run.steps != list(form.measured):
        raise GrokscopeError(f"{path} lacks measurements: its events say why.")
    model.save_pretrained(path / "model")
    monitor.run.directory.write_summary([_summary(form, arm_name, seed, prepared, started)])
    monitor.finish()
    return path


def _loop(
    form: Form,
    arm: Arm,
    model: Any,  # noqa: ANN401
    stream: Stream,
    monitor: Monitor,
    say: Say,
) -> None:
    optimizer = _optimizer(model, form)
    sharpening = Sharpening(model) if arm.sharpening != 1 else None
    device = next(model.parameters()).device
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    started = time.monotonic()
    monitor.step(0, 0)
    for step in range(form.steps):
        for group in optimizer.param_groups:
            group["lr"] = form.lr * rate(step, form, arm)
        if sharpening is not None:
            sharpening.factor = 1 + (arm.sharpening - 1) * step / form.steps
        with autocast:
            loss = loss_of(model, batch_of(stream, form, step, device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        found = monitor.step(step + 1, (step + 1) * form.batch * form.length)
        if found is not None:
            say(_line(found, float(loss.detach()), time.monotonic() - started))
    if sharpening is not None:
        sharpening.remove()


def rate(step: int, form: Form, arm: Arm) -> float:
    """The learning rate of a step, in parts of the largest."""
    warm = min(1.0, (step + 1) / form.warmup)
    if arm.schedule == "constant":
        return warm
    cosine = 0.5 * (1 + math.cos(math.pi * step / form.steps))
    return warm * (LAST_RATE + (1 - LAST_RATE) * cosine)


def batch_of(stream: Stream, form: Form, step: int, device: torch.device) -> dict[str, Tensor]:
    """The rows of a step."""
    rows = slice(step * form.batch, (step + 1) * form.batch)
    arrays = {
        "input_ids": stream.tokens[rows],
        "position_ids": stream.positions[rows],
        "labels": stream.labels[rows],
    }
    return {name: torch.from_numpy(own.astype(np.int64)).to(device) for name, own in arrays.items()}


def _optimizer(model: Any, form: Form) -> torch.optim.AdamW:  # noqa: ANN401
    """AdamW that leaves the gains of norms alone."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": form.weight_decay},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=form.lr, betas=BETAS, fused=True)


def _questions(mixture: Mixture, words: Words, count: int, seed: int) -> list[Probe]:
    rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/questions"))
    found: list[Probe] = []
    for name, domain in mixture.domains.items():
        for trained in (True, False):
            for item in domain.items(trained=trained, count=count, rng=rng):
                tokens = words.question(item)
                found.append(
                    Probe(
                        domain=name,
                        tokens=tuple(tokens.ids),
                        counted=tuple(tokens.learned),
                        role="train" if trained else "test",
                        answer=tokens.learned.index(True),
                        exposed=None if trained else (),
                    )
                )
    return found


def _line(found: Measurement, loss: float, seconds: float) -> str:
    accuracies = [
        f"{name} {panel.scalars['accuracy']:.2f}"
        for name, panel in found.groups.items()
        if "accuracy" in panel.scalars
    ]
    return f"step {found.step}: {seconds:.0f} s, loss {loss:.2f}, {', '.join(accuracies)}"


def _summary(
    form: Form, arm: str, seed: int, prepared: Prepared, started: float
) -> dict[str, object]:
    learned = int((prepared.stream.labels >= 0).sum())
    return {
        "index": 0,
        "study": "olmoe-mini",
        "arm": arm,
        "seed": seed,
        "form": asdict(form),
        "chances": prepared.chances,
        "learned_tokens": learned,
        "text_sha256": prepared.checksum,
        "seconds": time.monotonic() - started,
    }


def _count(model: Any) -> float:  # noqa: ANN401
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6
