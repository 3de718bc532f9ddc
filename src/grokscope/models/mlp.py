"""Embedding MLPs: the linear models of arXiv 2306.17844, their concatenating and deeper kin.

The operands, usually two, are embedded, their embeddings summed or concatenated, and sent through
hidden layers to the logits. `sum` with one hidden layer is their model α, with two β; `concat` is
δ; `sum` with separate vocabularies is α′.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from grokscope.core.settings import require_at_least
from grokscope.models.base import (
    Activation,
    Hook,
    Model,
    Parameters,
    Vocab,
    activate,
    embedded,
    normal,
    observed,
    refused,
    uniform,
)
from grokscope.models.columns import padded, shown
from grokscope.models.lookup import look_up, look_up_each
from grokscope.models.relu_block import relu_block
from grokscope.models.rows import Rows


@dataclass(frozen=True, kw_only=True)
class EmbeddingMLP(Model):
    """Embed, combine, hidden layers with bias, unembed without."""

    d_model: int = 256
    """Width of one embedding."""
    d_hidden: int = 256
    n_hidden_layers: int = 1
    combine: Literal["sum", "concat"] = "sum"
    activation: Activation = "relu"
    separate_vocab: bool = False
    """Give each operand slot tokens of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "d_model", "d_hidden", "n_hidden_layers")

    @property
    def name(self) -> str:
        """Such as `MLP, sum, 1 hidden layer`."""
        plural = "s" if self.n_hidden_layers > 1 else ""
        return f"MLP, {self.combine}, {self.n_hidden_layers} hidden layer{plural}"

    @property
    def is_symmetric(self) -> bool:
        """A sum of two vectors from one table does not depend on their order."""
        return self.combine == "sum" and not self.separate_vocab

    def require(self, vocab: Vocab) -> None:
        """Takes any number of tokens, the same in every row."""
        if vocab.d_vocab == 0 or vocab.is_padded:
            raise refused("tokens in rows of one length", vocab)

    def init(self, vocab: Vocab, seeds: Sequence[int]) -> Parameters:
        """As published: Gaussian embeddings, hidden layers uniform in ±1/√(fan in)."""
        slots = vocab.n_slots if self.combine == "concat" else 1
        tokens = vocab.d_vocab * (vocab.n_slots if self.separate_vocab else 1)
        embed_std = (2 / (self.d_model * slots)) ** 0.5
        fan_in = self.d_model * slots
        params = {"W_E": normal("W_E", (tokens, self.d_model), embed_std, seeds)}
        for weight, bias in self._layers():
            bound = fan_in**-0.5
            params[weight] = uniform(weight, (fan_in, self.d_hidden), bound, seeds)
            params[bias] = uniform(bias, (self.d_hidden,), bound, seeds)
            fan_in = self.d_hidden
        params["W_U"] = normal("W_U", (fan_in, vocab.n_classes), fan_in**-0.5, seeds)
        return params

    def forward(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"], hook: Hook | None = None
    ) -> Float[Tensor, "model row n_outputs"]:
        """Row by row, plainly; activations are (model row width), `embed` one vector per slot."""
        tokens = inputs
        if self.separate_vocab:
            n_slots = inputs.shape[2]
            slot = torch.arange(n_slots, device=inputs.device)
            tokens = inputs + params["W_E"].shape[1] // n_slots * slot
        embed = embedded(params, tokens, hook)
        joined = embed.sum(2) if self.combine == "sum" else embed.flatten(2)
        post = observed(hook, "resid_pre", joined)
        for i, (weight, bias) in enumerate(self._layers()):
            suffix = f"_{i}" if i else ""
            pre = torch.einsum("mrd,mdn->mrn", post, params[weight]) + params[bias].unsqueeze(1)
            pre = observed(hook, f"pre{suffix}", pre)
            # clone: the ReLU works in place and a hook may keep `pre`
            post = observed(hook, f"post{suffix}", activate(pre.clone(), self.activation))
        return observed(hook, "logits", torch.einsum("mrn,mnv->mrv", post, params["W_U"]))

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """The first layer's product once per token, then one look-up and sum per row."""
        w_u, pre = padded(params["W_U"]), self._last_pre(params, rows)
        if self.activation == "relu":
            logits = relu_block(pre, w_u)
        else:
            logits = torch.bmm(activate(pre, self.activation), w_u)
        return shown(logits, params["W_U"].shape[2])

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """Activations of the last hidden layer."""
        return activate(self._last_pre(params, rows), self.activation)

    def observe(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row n_outputs"], Float[Tensor, "model row neuron"]]:
        """The hidden layers once; transposed, the last product is up to twice as fast (p = 31)."""
        post = self.neurons(params, rows)
        return torch.bmm(params["W_U"].mT, post.mT).mT, post

    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """W_U itself."""
        return params["W_U"]

    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """Rows of W_E that belong to each operand slot; twice the same where slots share them."""
        if self.separate_vocab:
            return params["W_E"].unflatten(1, (-1, d_vocab))
        return torch.stack([params["W_E"]] * 2, 1)

    def _last_pre(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """What goes into the last hidden layer's nonlinearity."""
        pre = self._first_pre(params, rows)
        for weight, bias in self._layers()[1:]:
            # not in place: autograd would copy what the look-up gave
            post = F.relu(pre) if self.activation == "relu" else activate(pre, self.activation)
            pre = torch.baddbmm(params[bias].unsqueeze(1), post, params[weight])
        return pre

    def _layers(self) -> list[tuple[str, str]]:
        """Names of each hidden layer's weight and bias."""
        deeper = [(f"W_hidden_{i}", f"b_hidden_{i}") for i in range(1, self.n_hidden_layers)]
        return [("W_in", "b_in"), *deeper]

    def _first_pre(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """What goes into the first nonlinearity: a sum of what each token contributes."""
        w_e, bias = params["W_E"], params["b_in"].unsqueeze(1)
        n_slots = rows.inputs.shape[2]
        if self.is_symmetric:
            return look_up_each(rows, torch.baddbmm(bias / n_slots, w_e, params["W_in"]))
        apart, concat = self.separate_vocab, self.combine == "concat"
        embeddings = w_e.chunk(n_slots, 1) if apart else [w_e] * n_slots
        weights = params["W_in"].chunk(n_slots, 1) if concat else [params["W_in"]] * n_slots
        first, *others = zip(embeddings, weights, strict=True)
        tables = [torch.baddbmm(bias, *first), *(torch.bmm(*other) for other in others)]
        return look_up(rows, [((slot,), table) for slot, table in enumerate(tables)])
