"""A network of grokscope's own as a subject."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grokscope.core.errors import UsageError
from grokscope.explanation.sites import Sites
from grokscope.explanation.subject import Edit, Subject, Trace
from grokscope.explanation.symmetry import symmetry_of
from grokscope.models import Decoder, Model, Parameters
from grokscope.tasks import Table

Hook = Callable[[str, Tensor], Tensor | None]


class NetworkSubject(Subject):
    """One network, as a stack of one, on the table of its task.

    Rows and classes outside the task's group, such as 0 in multiplication, are left out of the
    rows and kept among the outputs.

    Raises:
        UsageError: the task has no group.
    """

    def __init__(self, model: Model, params: Parameters, table: Table, name: str = "") -> None:
        layout = symmetry_of(table)
        if layout is None:
            raise UsageError("This task has no group, so there is nothing to explain it by.")
        self.name = name or model.name
        self.symmetry, self.labels = layout.symmetry, layout.labels
        self._model, self._params, self._layout = model, params, layout
        self._inputs = table.inputs[layout.rows].unsqueeze(0)
        tables = model.operand_embeddings(params, table.d_vocab)[0]
        pairs = zip(tables, layout.tokens, strict=True)
        self.embeddings = torch.stack([embedding[tokens] for embedding, tokens in pairs])
        names = self._names()
        self.layers = tuple(name for name in names if name.split("_")[0] == "pre")
        self.attention = tuple(name for name in names if name.split("_")[0] == "pattern")
        self._slots = [0, 2] if isinstance(model, Decoder) else [0, 1]

    @torch.no_grad()
    def run(self, edit: Edit | None = None, *, reads: bool = False) -> Trace:
        """See `Subject.run`."""
        sites = Sites(edit or Edit(), self.layers, self.attention, reads=reads)

        def hook(name: str, value: Tensor) -> Tensor | None:
            if name == "embed" and sites.edit.embeddings is not None:
                return self._replaced(value, sites.edit.embeddings)
            changed = sites.visit(name, value[0])
            return None if changed is None else changed.unsqueeze(0)

        logits = self._model.forward(self._params, self._inputs, hook)[0]
        return sites.trace(logits[:, self._layout.classes(logits.shape[1])])

    def gradients(
        self, rows: Int[Tensor, " sample"], classes: Int[Tensor, " sample"]
    ) -> Float[Tensor, "slot sample d_model"]:
        """See `Subject.gradients`."""
        embeds: list[Tensor] = []

        def hook(name: str, value: Tensor) -> Tensor | None:
            if name != "embed":
                return None
            embeds.append(value.detach().requires_grad_())
            return embeds[-1]

        logits = self._model.forward(self._params, self._inputs[:, rows], hook)[0]
        chosen = logits[torch.arange(len(rows)), self._layout.classes(logits.shape[1])[classes]]
        (gradient,) = torch.autograd.grad(chosen.sum(), embeds)
        return gradient[0, :, self._slots].transpose(0, 1)

    def _names(self) -> list[str]:
        """Every activation that the model shows."""
        names: list[str] = []
        with torch.no_grad():
            self._model.forward(
                self._params, self._inputs[:, :1], lambda name, _: names.append(name)
            )
        return names

    def _replaced(
        self, embed: Tensor, tables: Float[Tensor, "slot order d_model"]
    ) -> Float[Tensor, "1 row position d_model"]:
        embed = embed.clone()
        for slot, position in enumerate(self._slots):
            embed[0, :, position] = tables[slot, self._layout.coordinates(slot)].to(embed)
        return embed
