"""What each of two processes does in `test_ranks`; results are pickled, one file a process."""

import datetime
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from grokscope.core.errors import DiskError, UsageError
from grokscope.llm.monitor import Monitor
from grokscope.store import RunDirectory
from llm.loops import batch, monitored
from llm.small_olmoe import olmoe, probes

OWN = probes(roles=("seen", "twin", "test"))


def main(rank: int, folder: Path) -> None:
    """Every scenario, one after another; a process that waits for ever fails after a minute."""
    torch.set_num_threads(1)
    # as a launcher would: accelerate looks there
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/store",
        rank=rank,
        world_size=2,
        timeout=datetime.timedelta(seconds=60),
    )
    said = Said()
    logging.getLogger("grokscope").addHandler(said)
    found = {}
    for scenario in SCENARIOS:
        said.texts.clear()
        own = folder / scenario.__name__
        found[scenario.__name__] = scenario(rank, own) | {"said": list(said.texts)}
        distributed.barrier()
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(found))
    distributed.destroy_process_group()


class Said(logging.Handler):
    """Keeps warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.texts.append(record.getMessage())


def found_by(monitor: Monitor) -> dict[str, Any]:
    return {
        "columns": [measurement.columns() for measurement in monitor.measurements],
        "has_run": monitor.run is not None,
        "is_on": monitor._is_on,
    }


def update(model: Any, step: int) -> None:
    """A step on rows that the other process has not."""
    rank = distributed.get_rank()
    model.train()
    loss = model(input_ids=batch(10 * step + rank), labels=batch(10 * step + rank)).loss
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.sub_(parameter.grad, alpha=0.05)
            parameter.grad = None


def trained_together(rank: int, folder: Path) -> dict[str, Any]:
    model = olmoe()
    wrapped = DistributedDataParallel(model)
    monitor = monitored(wrapped, OWN, folder, batch=5)  # 8 batches: 36 probes
    for step in range(1, 5):
        update(wrapped, step)
        monitor.step(step)
    monitor.finish()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    return found_by(monitor) | {"state": state}


def uneven(rank: int, folder: Path) -> dict[str, Any]:
    monitor = monitored(olmoe(), OWN, folder, batch=15)  # 3 batches
    monitor.step(0)
    return found_by(monitor)


def fewer_batches_than_processes(rank: int, folder: Path) -> dict[str, Any]:
    monitor = monitored(olmoe(), OWN, folder, batch=64)
    monitor.step(0)
    return found_by(monitor)


def accelerated(rank: int, folder: Path) -> dict[str, Any]:
    from accelerate import Accelerator

    model = olmoe()
    before = monitored(model, OWN, folder)
    prepared = Accelerator(cpu=True).prepare(model)
    before.step(0)
    after = monitored(prepared, OWN, folder)
    after.step(0)
    is_wrapped = isinstance(prepared, DistributedDataParallel)
    return found_by(before) | {"after": found_by(after)["columns"], "is_wrapped": is_wrapped}


def forward_fails_in_one(rank: int, folder: Path) -> dict[str, Any]:
    model = olmoe()
    monitor = monitored(model, OWN, folder)
    monitor.step(0)
    if rank == 1:
        model.model.layers[0].mlp.forward = lambda *given: 1 / 0
    measured = [monitor.step(step) is not None for step in (2, 4)]
    monitor.finish()
    return found_by(monitor) | {"measured": measured, "events": events(monitor)}


def disk_fails_in_the_first(rank: int, folder: Path) -> dict[str, Any]:
    def refuse(*given: Any) -> None:
        raise DiskError("No space left on device")

    monitor = monitored(olmoe(), OWN, folder)
    monitor.step(0)
    if rank == 0:
        monitor.run.directory.save_checkpoint = refuse
    measured = [monitor.step(step) is not None for step in (2, 4)]
    monitor.finish()
    return found_by(monitor) | {"measured": measured, "events": events(monitor)}


def resumed(rank: int, folder: Path) -> dict[str, Any]:
    first = monitored(olmoe(), OWN, folder)
    first.step(0)
    first.step(2)
    first.finish()
    path = RunDirectory.open(folder / "last").path
    distributed.barrier()
    refused = ""
    try:
        monitored(olmoe(), probes(seed=1), folder, run=path)
    except UsageError as error:
        refused = str(error)
    second = monitored(olmoe(), OWN, folder, run=path)
    measured = [step for step in (0, 2, 4) if second.step(step) is not None]
    second.finish()
    return found_by(second) | {"measured": measured, "refused": refused}


def streaming(rank: int, folder: Path) -> dict[str, Any]:
    model = olmoe().train()
    monitor = monitored(model, None, folder, recent=6, every=1)
    ids = batch(rank)
    with monitor.watch(attention_mask=torch.ones_like(ids), domains=[f"d{rank}"] * 4) as watched:
        output = model(input_ids=ids)
    watched.score(output.logits, ids)
    monitor.step(1)
    if rank == 1:  # nothing was watched in the other
        with monitor.watch(attention_mask=torch.ones_like(ids)):
            model(input_ids=ids)
    monitor.step(2)
    monitor.step(3)  # in neither
    if rank == 1:
        with monitor.watch(attention_mask=torch.ones_like(ids), domains=["too few"]):
            model(input_ids=ids)
    monitor.step(4)
    return found_by(monitor) | {"events": events(monitor)}


def events(monitor: Monitor) -> list[dict[str, object]]:
    if monitor.run is None:
        return []
    return [event for event in monitor.run.directory.events if event["kind"] == "problem"]


SCENARIOS = (
    *(trained_together, uneven, fewer_batches_than_processes, accelerated),
    *(forward_fails_in_one, disk_fails_in_the_first, resumed, streaming),
)
