"""Networks at one moment, with all that a measure may ask of them."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from grokscope.algebra.cyclic import OUTSIDE, CyclicStructure
from grokscope.core.errors import UsageError
from grokscope.measures.grid import Grid
from grokscope.measures.spectrum import coordinate_embeddings
from grokscope.models import Model, Parameters, Rows
from grokscope.tasks import Table

MeanLoss = Callable[[Tensor, Tensor], Tensor]
"""Mean loss of each network, of its logits (model, row, output) and the numbers of the rows in the
table (model, row)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """A stack of networks of one model on one table.

    Attributes:
        model: of all networks.
        params: with a leading model axis.
        table: of all networks.
        train: the rows that each network trains on.
        novel: those that it does not, nor their mirror images.
        seeds: one per network, for measures that draw.
        task: a name for messages.
        loss: what the networks were trained on.
        loss_dtype: the precision of that loss.
    """

    model: Model
    params: Parameters
    table: Table
    train: Bool[Tensor, "model row"]
    novel: Bool[Tensor, "model row"]
    seeds: Sequence[int]
    task: str
    loss: MeanLoss
    loss_dtype: torch.dtype = torch.float32

    @property
    def trained(self) -> list[str]:
        """Names of the parameters that training changes."""
        return sorted(self.params.keys() - self.model.CONSTANTS)

    @functools.cached_property
    def inputs(self) -> Shaped[Tensor, "row slot"]:
        """The table's inputs; real numbers in the precision of the networks."""
        inputs = self.table.inputs
        return inputs.to(self.params[self.trained[0]].dtype) if self.table.is_real else inputs

    @functools.cached_property
    def rows(self) -> Rows:
        """The whole table, for every network."""
        return Rows(self.inputs.expand(len(self.train), -1, -1))

    @functools.cached_property
    def logits(self) -> Float[Tensor, "model row n_outputs"]:
        """Logits on the whole table, over all outputs."""
        return self.model.readout(self.params, self.rows)

    @functools.cached_property
    def coordinates(self) -> Float[Tensor, "model slot order d_model"]:
        """Embeddings in the order of the group's coordinates."""
        return coordinate_embeddings(self.embeddings, self.cyclic)

    @functools.cached_property
    def embeddings(self) -> Float[Tensor, "model slot token d_model"]:
        """The embedding of every operand token, per slot.

        Raises:
            UsageError: there are no tokens.
        """
        if self.table.is_real:
            raise UsageError(f"The task ({self.task}) has no tokens, so there are no embeddings.")
        return self.model.operand_embeddings(self.params, self.table.d_vocab)

    @property
    def cyclic(self) -> CyclicStructure:
        """The cyclic group behind the table.

        Raises:
            UsageError: there is none.
        """
        if self.table.cyclic is None:
            raise UsageError(f"The task ({self.task}) has no cyclic group.")
        return self.table.cyclic

    @functools.cached_property
    def grid(self) -> Grid:
        """Where the pairs of coordinates are in the table."""
        return Grid(self.table.inputs, self.cyclic, self.table.inputs.device)

    @functools.cached_property
    def members(self) -> Bool[Tensor, " row"]:
        """Whether the operands of each row are members of the task's group.

        Raises:
            UsageError: the task has no group.
        """
        if self.table.cyclic is not None:
            coordinates = self.table.cyclic.operand_coordinates
            slots = zip(coordinates, self.table.inputs.unbind(1), strict=True)
            return torch.stack([own[tokens] != OUTSIDE for own, tokens in slots]).all(0)
        if self.table.group is None:
            raise UsageError(f"The task ({self.task}) has no group.")
        return torch.ones(len(self.table.labels), dtype=torch.bool)

    def require_classes(self) -> None:
        """Refuse real targets.

        Raises:
            UsageError: the task has them.
        """
        if self.table.targets is not None:
            raise UsageError(f"The task ({self.task}) has real targets and no classes.")

    def some(self, chosen: Sequence[int]) -> "Snapshot":
        """Some of the networks."""
        index = torch.tensor(list(chosen), dtype=torch.long)
        return replace(
            self,
            params={name: value[index] for name, value in self.params.items()},
            train=self.train[index],
            novel=self.novel[index],
            seeds=[self.seeds[i] for i in chosen],
        )

    @functools.cached_property
    def first_layer(self) -> Float[Tensor, "model row neuron"]:
        """What goes into the first hidden layer, at the read-out, on the whole table.

        Raises:
            UsageError: the model shows no such activation.
        """
        return torch.cat([self.some([i]).activation("pre") for i in range(len(self.train))])

    def activation(self, kind: str) -> Float[Tensor, "model row neuron"]:
        """The first activation of one kind (`pre`, `post`) that a forward pass shows.

        Raises:
            UsageError: the model shows none.
        """
        seen: list[Tensor] = []

        def hook(name: str, value: Tensor) -> None:
            if name.partition("_")[0] == kind and not seen:
                seen.append(value)

        self.model.forward(self.params, self.rows.inputs, hook)
        if not seen:
            raise UsageError(f"The model ({self.model.name}) has no hidden neurons.")
        return seen[0][:, :, -1] if seen[0].dim() == 4 else seen[0]
