"""Who takes turns at a case: each contestant makes its step for a case and a device.

`floor` is the bare matrix products, `ours` the population, `textbook` ordinary modules one after
another, `compiled` the same with `torch.compile`, `vmap` the stack that torch offers. `product`,
`product_tf32` and `triad` are not about the case: they are the machine's own rates, measured in the
same rounds, because a machine's speed drifts.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Int
from torch import Tensor

from benchmarks import floor, rates, textbook
from benchmarks.cases import Case, Step, textbook_module, textbook_tokens
from benchmarks.vmap_stack import Stack

REQUIRED = ("floor", "ours", "textbook")
OPTIONAL = ("compiled", "vmap")

Rows = tuple[Tensor, Tensor]
"""Tokens and labels."""


class AbsentError(RuntimeError):
    """This contestant cannot run here; the message says why."""


def _floor(case: Case, device: str) -> Step:
    return floor.products(len(case.models), case.counts().floor_products, device)


def _ours(case: Case, device: str) -> Step:
    return case.ours(device)


def _textbook(case: Case, device: str) -> Step:
    return _one_after_another(case, device, textbook.mean_loss)


def _compiled(case: Case, device: str) -> Step:
    """Forward, loss and their backward compiled once for all networks; torch's AdamW as it is."""
    if device == "cpu" and not _has_cpp_compiler():
        raise AbsentError("no C++ compiler (g++ or clang++; CXX names another)")
    torch.compiler.reset()  # each case is a program of its own, compiled for its own shapes
    compiled = cast(textbook.Loss, torch.compile(textbook.mean_loss))
    return _one_after_another(case, device, compiled)


def _vmap(case: Case, device: str) -> Step:
    table, jobs = case.table(), case.jobs()
    modules = [textbook_module(job.model, table).to(device) for job in jobs]
    stack = Stack(modules, _settings(case))
    rows = torch.stack([job.rows for job in jobs])
    tokens = textbook_tokens(jobs[0].model, table)[rows].to(device)
    batch = _stacked_batches(tokens, table.labels[rows].to(device), case.batch_size)
    return lambda: stack.step(*batch())


def _one_after_another(case: Case, device: str, loss: textbook.Loss) -> Step:
    table = case.table()
    networks: list[tuple[textbook.Trainer, Callable[[], Rows]]] = []
    for job in case.jobs():
        module = textbook_module(job.model, table).to(device)
        tokens, labels = textbook_tokens(job.model, table)[job.rows], table.labels[job.rows]
        batch = _batches(tokens.to(device), labels.to(device), case.batch_size)
        networks.append((textbook.Trainer(module, _settings(case), loss), batch))
    return lambda: [trainer.step(*batch()) for trainer, batch in networks]


def _settings(case: Case) -> textbook.Settings:
    dtype = torch.float64 if case.loss == "float64" else torch.float32
    return textbook.Settings(weight_decay=case.weight_decay, loss_dtype=dtype)


def _batches(
    tokens: Int[Tensor, "row pos"], labels: Int[Tensor, " row"], size: int | None
) -> Callable[[], Rows]:
    """All rows at every step, or `size` random ones."""

    def draw() -> Rows:
        chosen = torch.randint(len(labels), (cast(int, size),), device=labels.device)
        return tokens[chosen], labels[chosen]

    return draw if size is not None else lambda: (tokens, labels)


def _stacked_batches(
    tokens: Int[Tensor, "model row pos"], labels: Int[Tensor, "model row"], size: int | None
) -> Callable[[], Rows]:
    """The same with rows of its own for every network."""
    n_models, n_rows = labels.shape
    network = torch.arange(n_models, device=labels.device).unsqueeze(1)

    def draw() -> Rows:
        chosen = torch.randint(n_rows, (n_models, cast(int, size)), device=labels.device)
        return tokens[network, chosen], labels[network, chosen]

    return draw if size is not None else lambda: (tokens, labels)


def _has_cpp_compiler() -> bool:
    named = os.environ.get("CXX")
    names: Sequence[str] = [named] if named else ["g++", "clang++", "c++"]
    return any(shutil.which(name) for name in names)


CONTESTANTS: dict[str, Callable[[Case, str], Step]] = {
    "floor": _floor,
    "ours": _ours,
    "textbook": _textbook,
    "compiled": _compiled,
    "vmap": _vmap,
    "product": lambda _, device: rates.product(device),
    "product_tf32": lambda _, device: rates.product(device, precision="high"),
    "triad": lambda _, device: rates.triad(device),
}
