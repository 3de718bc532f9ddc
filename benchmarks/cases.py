"""What is timed: one training step of populations from the published recipes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from benchmarks import counts, textbook
from grokscope.engine import AdamW, CrossEntropy, Job, Population, Setup
from grokscope.engine.answers import n_distinct
from grokscope.engine.capture import PATIENCE
from grokscope.models import Decoder, EmbeddingMLP, Model, OneLayerTransformer
from grokscope.tasks import ModularArithmetic, Table
from grokscope.tasks.modular import Operation

Step = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Networks that train together on arithmetic mod p, each with its own split."""

    name: str
    p: int
    fraction: float
    models: Sequence[Model]
    weight_decay: float = 1.0
    operation: Operation = "add"
    batch_size: int | None = None
    """Rows per step; all training rows where none is given."""
    loss: Literal["float32", "float64"] = "float64"

    def table(self) -> Table:
        """All rows of the task."""
        return ModularArithmetic(operation=self.operation, p=self.p).table()

    def jobs(self) -> list[Job]:
        """One network per model, with its index as its seed."""
        task = ModularArithmetic(operation=self.operation, p=self.p, train_fraction=self.fraction)
        table = task.table()
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

    def ours(self, device: str) -> Step:
        """One step of all networks."""
        setup = Setup(
            table=self.table(),
            loss=CrossEntropy(precision=self.loss),
            batch_size=self.batch_size,
            device=device,
        )
        population = Population(setup, self.jobs())
        population.get_ready(PATIENCE + 1)  # as after the first steps of a run
        return Training(population=population)

    def rows(self) -> int:
        """Rows of one step of one network; mirror images that share their logits are one row."""
        table = self.table()
        if self.batch_size is not None or not self.models[0].is_symmetric:
            return self.batch_size or int(self.fraction * len(table.labels))
        some = replace(self, models=self.models[:16]).jobs()
        return round(mean(n_distinct(table.inputs[job.rows].unsqueeze(0)) for job in some))

    def counts(self) -> counts.Counts:
        """Products and bytes of one step of one network."""
        table = self.table()
        sizes = counts.Sizes(
            rows=self.rows(),
            d_vocab=table.d_vocab,
            n_classes=table.n_classes,
        )
        return counts.count(self.models[0], sizes)


@dataclass(frozen=True, kw_only=True)
class Training:
    """A population's steps, many at once as between two looks in training."""

    population: Population

    def __call__(self, steps: int = 1) -> None:
        """Take some steps and see which networks are still finite."""
        self.population.advance(steps)
        self.population.settle()


def textbook_module(model: Model, table: Table) -> torch.nn.Module:
    """The ordinary module of the same architecture, with initial values of its own."""
    if isinstance(model, OneLayerTransformer):
        return textbook.Transformer(
            textbook.Sizes(
                tokens=_operand_tokens(model, table) + model.equals_token,
                n_ctx=2 + model.equals_token,
                d_model=model.d_model,
                n_heads=model.n_heads,
                attention_rate=model.attention_rate,
                causal=model.causal,
            )
        )
    if isinstance(model, EmbeddingMLP) and model.combine == "sum" and model.n_hidden_layers == 1:
        return textbook.MLP(
            textbook.MLPSizes(
                tokens=_operand_tokens(model, table),
                n_outputs=table.n_classes,
                d_model=model.d_model,
                d_hidden=model.d_hidden,
                activation=model.activation,
            )
        )
    if isinstance(model, Decoder):
        return textbook.Decoder(
            textbook.DecoderSizes(
                tokens=table.d_vocab + 2,
                d_model=model.d_model,
                n_heads=model.n_heads,
                n_layers=model.n_layers,
                d_mlp=model.d_mlp or 4 * model.d_model,
            )
        )
    raise TypeError(f"no textbook implementation of {model.name}")


def textbook_tokens(model: Model, table: Table) -> Int[Tensor, "row pos"]:
    """Rows as the module reads them: `a b`, `a b =` or `a op b =`."""
    tokens = table.inputs
    if isinstance(model, Decoder):
        op = torch.full_like(table.labels, table.d_vocab)
        return torch.column_stack([tokens[:, 0], op, tokens[:, 1], op + 1])
    if getattr(model, "separate_vocab", False):
        tokens = tokens + torch.tensor([0, table.d_vocab])
    if isinstance(model, OneLayerTransformer) and model.equals_token:
        equals = torch.full_like(table.labels, _operand_tokens(model, table))
        return torch.column_stack([tokens, equals])
    return tokens


def _operand_tokens(model: OneLayerTransformer | EmbeddingMLP, table: Table) -> int:
    return table.d_vocab * (2 if model.separate_vocab else 1)


_ZHONG = OneLayerTransformer(equals_token=False, causal=False, init_like="zhong2023")


def _nanda2023() -> Case:
    """The transformer of arXiv 2301.05217 at its published size, full batch, float64 loss."""
    return Case(name="nanda2023", p=113, fraction=0.3, models=[OneLayerTransformer()])


def _zhong2023() -> Case:
    """The transformer of arXiv 2306.17844 at its published size, full batch, float64 loss."""
    return Case(name="zhong2023", p=59, fraction=0.8, models=[_ZHONG], weight_decay=2.0)


def _demo_stack() -> Case:
    """Six networks like those of `grokscope demo`: attention rate 0 and 1, three seeds of each."""
    small = replace(_ZHONG, d_model=64)
    mixed = [replace(small, attention_rate=rate) for rate in (0.0, 1.0) for _ in range(3)]
    return Case(name="demo-stack", p=59, fraction=0.45, models=mixed, weight_decay=2.0)


def _mlp() -> Case:
    """Model α of arXiv 2306.17844: one embedding MLP."""
    return Case(name="mlp", p=59, fraction=0.8, models=[EmbeddingMLP()])


def _mlp_p31_64() -> Case:
    """64 small embedding MLPs, seeds 0 to 63: the size in which phase diagrams are swept."""
    small = EmbeddingMLP(d_model=48, d_hidden=128)
    return Case(name="mlp-p31-64", p=31, fraction=0.5, models=[small] * 64, loss="float32")


def _quadratic_64() -> Case:
    """64 quadratic MLPs after arXiv 2301.02679, p = 97, each operand with a table of its own.

    The paper reads one-hot operands straight into the hidden layer and trains on the mean squared
    error. Here the first layer is an embedding times a matrix (wide enough for any table of 97
    rows) and the loss is cross-entropy, until the zoo of models brings both of the paper's.
    """
    model = EmbeddingMLP(d_model=128, d_hidden=256, activation="square", separate_vocab=True)
    return Case(name="quadratic-64", p=97, fraction=0.5, models=[model] * 64, loss="float32")


def _power2022() -> Case:
    """The decoder of arXiv 2201.02177 at its published size: division, minibatches of 512."""
    return Case(
        name="power2022",
        p=97,
        fraction=0.5,
        models=[Decoder()],
        operation="divide",
        batch_size=512,
        loss="float32",
    )


CASES: dict[str, Case] = {
    case.name: case
    for case in (
        _nanda2023(),
        _zhong2023(),
        _demo_stack(),
        _mlp(),
        _mlp_p31_64(),
        _quadratic_64(),
        _power2022(),
    )
}
