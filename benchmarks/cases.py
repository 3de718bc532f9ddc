"""What is timed: one training step, in three ways, of populations from the published recipes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from benchmarks import floor, textbook
from grokscope.engine import AdamW, CrossEntropy, Job, Population, Setup
from grokscope.engine.population import jobs_parameters
from grokscope.models import EmbeddingMLP, Model, OneLayerTransformer, Vocab
from grokscope.tasks import ModularArithmetic, Table

Step = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Networks that train together on addition mod p, each with its own split."""

    name: str
    p: int
    fraction: float
    models: Sequence[Model]
    weight_decay: float

    def contestant(self, name: str) -> Step:
        """One step of the `floor`, of `ours`, or of the `textbook` (one network after another)."""
        if name == "ours":
            return self.population().step
        return self._floor() if name == "floor" else self._textbook()

    def population(self) -> Population:
        """All networks in one stack; the loss in float64, as published."""
        setup = Setup(table=self._table(), loss=CrossEntropy(precision="float64"))
        return Population(setup, self._jobs())

    def _table(self) -> Table:
        return ModularArithmetic(p=self.p).table()

    def _jobs(self) -> list[Job]:
        task, table = ModularArithmetic(p=self.p, train_fraction=self.fraction), self._table()
        return [
            Job(
                index=i,
                seed=i,
                model=model,
                optimizer=AdamW(weight_decay=self.weight_decay),
                rows=task.make_split(table, i).train,
            )
            for i, model in enumerate(self.models)
        ]

    def _floor(self) -> Step:
        """The products of the fast path over rows (the MLP's first one: over tokens).

        Maps are taken as already multiplied where that is less work, as the fast path does it.
        """
        jobs = self._jobs()
        params = jobs_parameters(jobs, Vocab(d_vocab=self.p, n_classes=self.p))
        rows, n_outputs = len(jobs[0].rows), params["W_U"].shape[2]
        d, hidden = params["W_in"].shape[1:]
        shapes = [(params["W_E"].shape[1], d, hidden), (rows, hidden, n_outputs)]
        if isinstance(model := jobs[0].model, OneLayerTransformer):
            shapes = [(rows, d, hidden), (rows, hidden, n_outputs), (rows, d, n_outputs)]
            shapes += [] if model.equals_token else [(rows, d, d)]
        return floor.products(len(jobs), shapes)

    def _textbook(self) -> Step:
        settings = textbook.Settings(weight_decay=self.weight_decay)
        table = self._table()
        steps: list[Callable[[], float]] = []
        for job in self._jobs():
            trainer = textbook.Trainer(textbook_module(job.model, table), settings)
            tokens, labels = textbook_tokens(job.model, table)[job.rows], table.labels[job.rows]
            steps.append(partial(trainer.step, tokens, labels))
        return lambda: [step() for step in steps]


def textbook_module(model: Model, table: Table) -> torch.nn.Module:
    """The ordinary module of the same architecture, with initial values of its own."""
    if isinstance(model, OneLayerTransformer):
        return textbook.Transformer(
            textbook.Sizes(
                tokens=table.d_vocab + model.equals_token,
                n_ctx=2 + model.equals_token,
                d_model=model.d_model,
                n_heads=model.n_heads,
                attention_rate=model.attention_rate,
                causal=model.causal,
            )
        )
    if isinstance(model, EmbeddingMLP):
        return textbook.MLP(table.d_vocab, model.d_model, model.d_hidden)
    raise TypeError(f"no textbook implementation of {model.name}")


def textbook_tokens(model: Model, table: Table) -> torch.Tensor:
    """Rows as the module reads them: `a b`, or `a b =`."""
    if isinstance(model, OneLayerTransformer) and model.equals_token:
        equals = torch.full_like(table.labels, table.d_vocab)
        return torch.column_stack([table.inputs, equals])
    return table.inputs


_NANDA = OneLayerTransformer()
_ZHONG = OneLayerTransformer(equals_token=False, causal=False, init_like="zhong2023")
_SMALL = replace(_ZHONG, d_model=64)
_MIXED = [replace(_SMALL, attention_rate=rate) for rate in (0.0, 1.0) for _ in range(3)]

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case(name="nanda2023", p=113, fraction=0.3, models=[_NANDA], weight_decay=1.0),
        Case(name="zhong2023", p=59, fraction=0.8, models=[_ZHONG], weight_decay=2.0),
        Case(name="demo-stack", p=59, fraction=0.45, models=_MIXED, weight_decay=2.0),
        Case(name="mlp", p=59, fraction=0.8, models=[EmbeddingMLP()], weight_decay=1.0),
    )
}
