"""How the time of a run-step (one step of one network) grows: with p, with networks, with width.

A run-step that is bound by its rows grows linearly with them; a stack that costs its sum keeps the
time per run-step flat; and products grow with the square of the width. Each point carries its own
roofline. Points are taken from the cheapest to the dearest, twice, and the calmer of both visits
counts: other programs come and go in minutes. One that would not fit into half of the free memory,
or comes after the time limit, is kept in the data with the reason.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import cast

import torch

from benchmarks import rates
from benchmarks.cases import Case, Step
from benchmarks.clock import clock
from benchmarks.machine import facts
from benchmarks.result import Json, spread
from benchmarks.worker import Place, steps_per_turn
from grokscope.models import EmbeddingMLP, Model, OneLayerTransformer

DATA = Path(__file__).resolve().parent / "growth.json"

MODULI = (31, 59, 97, 113, 199, 397)
STACKS = (1, 4, 16, 64, 256, 1024, 4096)
WIDTHS = (32, 64, 128, 256, 512)

RATES_EVERY = 4  # points
SECONDS = 240.0  # no new point after these
FEWEST_TURNS, MOST_TURNS = 2, 15
TURN_SECONDS = 1.2  # of turns per visit
VISITS = 2
COPIES = 5  # of the counted activations: gradients, the loss in float64, copies on the way


@dataclass(frozen=True, kw_only=True)
class Point:
    """One population to be timed."""

    panel: str
    """What x is: `p`, `networks` or `width`."""
    series: str
    x: int
    case: Case

    @property
    def flops(self) -> float:
        """Of one step of the population."""
        return len(self.case.models) * self.case.counts().flops


def points() -> list[Point]:
    """All points, from the cheapest step to the dearest."""
    mlp = EmbeddingMLP(d_model=48, d_hidden=128)
    found = [_point("p", "transformer", p, p, OneLayerTransformer()) for p in MODULI]
    found += [_point("p", "MLP", p, p, mlp) for p in MODULI]
    found += [_point("p", "MLP, 16 networks", p, p, mlp, 16) for p in MODULI]
    found += [_point("networks", "MLP", n, 31, mlp, n) for n in STACKS]
    for width in WIDTHS:
        wide = EmbeddingMLP(d_model=width, d_hidden=width)
        found.append(_point("width", "transformer", width, 59, OneLayerTransformer(d_model=width)))
        found.append(_point("width", "MLP, 16 networks", width, 59, wide, 16))
    return sorted(found, key=lambda point: point.flops)


def measure(place: Place, seconds: float = SECONDS) -> Json:
    """Time all points that fit, in this process, and between them the machine's own rates."""
    if place.threads is not None:
        torch.set_num_threads(place.threads)
    started, machine, every = time.monotonic(), facts(place), points()
    rate, visits = Rates(place.device), list[Json]()
    for i, point in enumerate(every * VISITS):
        if i % RATES_EVERY == 0:
            rate.sample()
        late = time.monotonic() - started > seconds
        reason = f"after {seconds:g} s" if late else _too_large(point.case, place.device)
        visits.append({"skipped": reason} if reason else _time(point.case, place.device))
    rows: list[Json] = []
    for i, point in enumerate(every):
        rows.append(_head(point) | {"roofline_ms": rate.roofline(point.case)})
        rows[-1] |= _calmer(visits[i :: len(every)])
    return {"machine": machine, **rate.as_json(), "points": rows}


class Rates:
    """The rates of a large product and a triad, sampled now and then."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._steps = {"product": rates.product(device), "triad": rates.triad(device)}
        self._taken: dict[str, list[float]] = {name: [] for name in self._steps}
        for step in self._steps.values():
            clock(step, 1, device)  # warm up

    def sample(self) -> None:
        """Take both once."""
        for name, step in self._steps.items():
            self._taken[name].append(clock(step, 1, self._device))

    def as_json(self) -> dict[str, float]:
        """GFLOP/s and GB/s by the median times."""
        product, triad = median(self._taken["product"]), median(self._taken["triad"])
        return {
            "matmul_gflops": round(rates.gflops(product, self._device), 2),
            "bandwidth_gbs": round(rates.gigabytes_per_second(triad), 2),
        }

    def roofline(self, case: Case) -> float:
        """Milliseconds per run-step."""
        counted, rate = case.counts(), self.as_json()
        product = counted.flops / rate["matmul_gflops"]
        return round((product + counted.bytes_moved / rate["bandwidth_gbs"]) / 1e6, 6)


def write(data: Mapping[str, object], path: Path = DATA) -> None:
    """Keep the data beside this file."""
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def read(path: Path = DATA) -> Json:
    """The data as last written."""
    return json.loads(path.read_text(encoding="utf-8"))


def _point(panel: str, series: str, x: int, p: int, model: Model, networks: int = 1) -> Point:
    transformer = isinstance(model, OneLayerTransformer)
    case = Case(
        name=f"{series}, {panel} {x}",
        p=p,
        fraction=0.3 if transformer else 0.5,
        models=[model] * networks,
        loss="float64" if transformer else "float32",
    )
    return Point(panel=panel, series=series, x=x, case=case)


def _head(point: Point) -> Json:
    networks, counted = len(point.case.models), point.case.counts()
    return {
        "panel": point.panel,
        "series": point.series,
        "x": point.x,
        "networks": networks,
        "gflop": round(networks * counted.flops / 1e9, 4),
    }


def _time(case: Case, device: str) -> Json:
    """Milliseconds per run-step."""
    turns = [taken / len(case.models) for taken in _turns(case.ours(device), device)]
    return {
        "run_step_ms": round(median(turns), 6),
        "run_step_ms_spread": spread(turns, digits=6),
        "turns": len(turns),
    }


def _turns(step: Step, device: str) -> list[float]:
    """Milliseconds per step."""
    n_steps = steps_per_turn(step, device)
    started = time.monotonic()
    turns: list[float] = []
    while len(turns) < FEWEST_TURNS or (
        len(turns) < MOST_TURNS and time.monotonic() - started < TURN_SECONDS
    ):
        turns.append(clock(step, n_steps, device))
    return turns


def _calmer(visits: Sequence[Json]) -> Json:
    """The visit with the lower median, as other programs can only make a step slower."""
    timed = [visit for visit in visits if "run_step_ms" in visit]
    medians = [cast(float, visit["run_step_ms"]) for visit in timed]
    if not timed:
        return visits[0]
    return timed[medians.index(min(medians))] | {"visits_ms": medians}


def _too_large(case: Case, device: str) -> str | None:
    counted, networks = case.counts(), len(case.models)
    needed = networks * 4 * (COPIES * counted.activations + 6 * counted.parameters)
    free = _free_bytes(device)
    if free is None or needed <= free / 2:
        return None
    return f"about {needed / 2**30:.1f} GiB, of {free / 2**30:.1f} GiB that are free"


def _free_bytes(device: str) -> int | None:
    """Memory that is free now; None where the system does not say."""
    if device == "cuda":
        torch.cuda.empty_cache()  # what earlier points left counts as free
        return torch.cuda.mem_get_info()[0]
    path = Path("/proc/meminfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return kilobytes[0] * 1024 if kilobytes else None
