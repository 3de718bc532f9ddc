"""What a monitor of an expert model costs beside the training.

    python -m benchmarks.monitor            # on an idle machine; prints JSON
    python -m benchmarks.monitor hooks      # one part only

`hooks`: training steps of a small OLMoE without a tap, with one that is silent, and with one that
records, in turns in one process: ratios to the step without, turn by turn.
`memory`: of the host, for measurements of 2,048 probes in a model of 16 layers and 64 experts with
a drawn routing.
`distances`: 20,000 pairs of such pathways.
`operations`: floating-point operations of all looks over those of training, counted by torch in the
GPU form of the study olmoe-mini.
"""

import argparse
import json
import math
import platform
import random
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.utils.flop_counter import FlopCounterMode

from grokscope.llm.edit_distance import pair_distances
from grokscope.llm.measurement import History, Measuring
from grokscope.llm.pairs import sampled_pairs
from grokscope.llm.panel import Experts
from grokscope.llm.pathways import Pathways, Weights
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.llm.reading import Reader, Reading
from grokscope.llm.tap import RouterTap

_LAYERS, _EXPERTS, _WIDTH = 16, 64, 2_048
_DOMAINS, _PROBES, _TOKENS_OF_PROBE = 4, 256, 40
_D_VOCAB = 4_096
_MEGABYTE = 1e6


def main() -> None:
    """Measure the parts that were asked for."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "hooks": hooks,
        "memory": memory,
        "distances": distances,
        "operations": operations,
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor")
    parser.add_argument("parts", nargs="*", help=", ".join(parts))
    found: dict[str, Any] = {"machine": platform.processor() or platform.machine()}
    found["threads"] = torch.get_num_threads()
    for name in parser.parse_args().parts or parts:
        found[name] = parts[name]()
    print(json.dumps(found, indent=2))


def hooks(turns: int = 60) -> dict[str, Any]:
    """Step times of one model whose tap is put on and taken away between them.

    Processor time beside time on the clock: others who use the machine do not show in it.
    """
    model = _olmoe(hidden=128, layers=4, experts=16)
    ids = torch.randint(_D_VOCAB, (4, 64))
    forms = ("none", "silent", "recording")
    seconds: dict[str, list[tuple[float, float]]] = {form: [] for form in forms}
    order = random.Random(0)
    for turn in range(turns + 3):
        for form in order.sample(forms, len(forms)):
            taken = _step_seconds(model, ids, form)
            if turn >= 3:  # the first ones warm up
                seconds[form].append(taken)
    found: dict[str, Any] = {"turns": turns}
    for place, kind in enumerate(("clock", "processor")):
        none = np.array([own[place] for own in seconds["none"]])
        found[kind] = {"median_ms": 1e3 * float(np.median(none))}
        for form in forms[1:]:
            found[kind][form] = _ratios(np.array([own[place] for own in seconds[form]]) / none)
    return found


def _ratios(ratios: Float[np.ndarray, " turn"]) -> dict[str, float]:
    """Their median with its interval of 95 % by ranks, and the turns' own spread."""
    ordered, count = np.sort(ratios), len(ratios)
    reach = 0.98 * math.sqrt(count)
    low, high = math.floor(count / 2 - reach), math.ceil(count / 2 + reach) - 1
    return {
        "ratio": float(np.median(ratios)),
        "low": float(ordered[max(low, 0)]),
        "high": float(ordered[min(high, count - 1)]),
        "p10": float(np.percentile(ratios, 10)),
        "p90": float(np.percentile(ratios, 90)),
    }


def _step_seconds(model: torch.nn.Module, ids: torch.Tensor, form: str) -> tuple[float, float]:
    """On the clock, and of the processor."""
    tap = RouterTap(model) if form != "none" else None
    started = time.perf_counter(), time.process_time()
    if tap is not None and form == "recording":
        with tap.record(attention_mask=torch.ones_like(ids)):
            _update(model, ids)
    else:
        _update(model, ids)
    ended = time.perf_counter(), time.process_time()
    if tap is not None:
        tap.detach()
    return ended[0] - started[0], ended[1] - started[1]


def _update(model: torch.nn.Module, ids: torch.Tensor) -> None:
    model(input_ids=ids, labels=ids).loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=1e-3)
                parameter.grad = None


def memory(measurements: int = 4) -> dict[str, Any]:
    """The most that is held at once, and what stays, all of it together with the readings.

    Once as Python's allocations are traced, once as the system sees the process.
    """
    few = History(probes=_probe_set(4), settings=_settings())
    _measured(few, 0, _experts())  # imports
    resident, started = _resident("VmRSS"), time.perf_counter()
    _forget_peak()
    history = History(probes=_probe_set(_PROBES), settings=_settings())
    for step in range(measurements):
        _measured(history, step, _experts())
    seconds, peak_resident = time.perf_counter() - started, _resident("VmHWM")
    tracemalloc.start()
    history = History(probes=_probe_set(_PROBES), settings=_settings())
    for step in range(2):
        _measured(history, step, _experts())
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "probes": _DOMAINS * _PROBES * 2,
        "layers": _LAYERS,
        "experts": _EXPERTS,
        "traced_peak_mb": peak / _MEGABYTE,
        "traced_held_mb": held / _MEGABYTE,
        "resident_peak_growth_mb": (peak_resident - resident) / _MEGABYTE,
        "measurements": measurements,
        "seconds_each": seconds / measurements,
    }


def _experts() -> Experts:
    rows = np.random.default_rng(0).standard_normal((_LAYERS, _EXPERTS, _WIDTH), np.float32)
    return Experts(rows=rows, gain=np.ones((_LAYERS, _WIDTH), dtype=np.float32), top_k=8)


def _measured(history: History, step: int, experts: Experts) -> None:
    assert history.probes is not None
    samples = len(history.probes)
    weights = _routing(samples, seed=step)
    reading = Reading(
        pathways=Pathways(
            weights=weights,
            tokens=np.full(samples, _TOKENS_OF_PROBE),
            layers=tuple(map(str, range(_LAYERS))),
        ),
        loss=np.ones(samples, dtype=np.float32),
        correct=np.full(samples, np.nan, dtype=np.float32),
        problems=(),
        seconds=0.0,
    )
    history.add(step, reading, experts)


def distances(count: int = 20_000) -> dict[str, Any]:
    """Seconds of both forms of the distance."""
    weights = _routing(_PROBES, seed=0)
    pairs = sampled_pairs(_PROBES, count, 0)
    found: dict[str, Any] = {"pairs": len(pairs), "layers": _LAYERS, "experts": _EXPERTS}
    for form in ("tokens", "published"):
        started = time.perf_counter()
        own = pair_distances(weights, pairs, form=form)
        found[form] = {
            "seconds": time.perf_counter() - started,
            "experts_kept_of_a_layer": own.length,
        }
    return found


def operations() -> dict[str, Any]:
    """Of one batch of training, and of one look at all probes, of the study's GPU form.

    The stream is cut short, which leaves the probes' number and lengths as they are.
    """
    from grokscope.recipes.olmoe_mini.arm import ARMS, MAIN
    from grokscope.recipes.olmoe_mini.form import form_of
    from grokscope.recipes.olmoe_mini.training import prepare

    form = form_of("gpu")
    probes = prepare(replace(form, steps=40, packages=()), ARMS[MAIN], 0).probes
    model = _olmoe(
        hidden=form.d_model,
        layers=form.n_layers,
        experts=form.n_experts,
        top_k=form.top_k,
        intermediate=form.d_mlp,
        heads=form.n_heads,
    )
    rows = 8
    training = _counted(lambda: _plain_update(model, rows, form.length)) / (rows * form.length)
    with RouterTap(model) as tap:
        look = _counted(Reader(model, tap, probes).read)
    own = look * len(form.measured) / (training * form.tokens)
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "flop_of_a_training_token": training,
        "flop_of_a_look": look,
        "probes": {name: len(rows) for name, rows in probes.groups.items()},
        "tokens_of_a_look": sum(len(probe.tokens) for probe in probes.probes),
        "measurements": len(form.measured),
        "training_tokens": form.tokens,
        "looks_over_training": own,
    }


def _plain_update(model: torch.nn.Module, rows: int, width: int) -> None:
    ids = torch.randint(_D_VOCAB, (rows, width))
    model(input_ids=ids, labels=ids).loss.backward()
    model.zero_grad()


def _counted(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def _olmoe(
    *,
    hidden: int,
    layers: int,
    experts: int,
    top_k: int = 2,
    intermediate: int = 64,
    heads: int = 4,
) -> torch.nn.Module:
    """A plain loop over experts, whose products torch can count."""
    from transformers import OlmoeConfig, OlmoeForCausalLM

    torch.manual_seed(0)
    config: Any = OlmoeConfig(
        vocab_size=_D_VOCAB,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        num_experts=experts,
        num_experts_per_tok=top_k,
        max_position_embeddings=256,
        use_cache=False,
        pad_token_id=0,
        eos_token_id=1,
    )
    config._experts_implementation = "eager"
    config._attn_implementation = "eager"
    return OlmoeForCausalLM(config)


def _settings() -> Measuring:
    return Measuring(eps=2.0, pairs=2_000)


def _probe_set(count: int) -> ProbeSet:
    """Of several domains, each sample with a twin."""
    return ProbeSet(
        tuple(
            Probe(domain=f"domain {domain}", tokens=(1, 2), role=role)
            for domain in range(_DOMAINS)
            for role in ("seen", "twin")
            for _ in range(count)
        )
    )


def _routing(samples: int, seed: int) -> Weights:
    """Means over tokens are near-flat, as published: about 26 of 64 experts make 0.7."""
    stream = np.random.default_rng(seed)
    weights = stream.standard_normal((_LAYERS, samples, _EXPERTS), np.float32)
    np.exp(weights * np.float32(0.8), out=weights)
    weights /= weights.sum(-1, keepdims=True)
    return weights


def _resident(field: str) -> float:
    """Bytes of this process in memory, now or at most; 0 where the system does not say."""
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0.0)


def _forget_peak() -> None:
    """Let the system count the most from now on, where it can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
