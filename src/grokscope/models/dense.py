"""Fully connected networks on real inputs, or on operands as one-hot vectors side by side.

Covers, among others, the networks of arXiv 2301.02679 (Gromov), 2501.04697 (Prieto et al.) and
2210.01117 (Liu et al.), and without hidden layers linear models. A one-hot vector times W_in is a
row of W_in, so on tokens the first layer is a look-up, and these rows are the embeddings.

Gromov's network is f(x) = W_U (W_in x / √D)² / N, with D = 2p inputs, N neurons and all weights
standard normal at first. The square takes the factor out: here it is `activation="square"`,
`bias=False`, `init_like="normal"`, `output_factor=1 / (N * D)`, the same function of the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from grokscope.core.settings import require_at_least
from grokscope.models.base import (
    Hook,
    Model,
    Parameters,
    Vocab,
    activate,
    normal,
    observed,
    refused,
    uniform,
)
from grokscope.models.columns import padded, shown
from grokscope.models.lookup import look_up_each
from grokscope.models.relu_block import relu_block
from grokscope.models.rows import Rows
from grokscope.models.square_block import square_block


@dataclass(frozen=True, kw_only=True)
class DenseMLP(Model):
    """Hidden layers and an output layer, all with biases or all without."""

    CONSTANTS: ClassVar[frozenset[str]] = frozenset({"output_factor"})

    d_hidden: int = 200
    n_hidden_layers: int = 2
    """0 makes a linear model."""
    activation: Literal["relu", "gelu", "square", "tanh"] = "relu"
    bias: bool = True
    init_like: Literal["torch", "normal"] = "torch"
    """`torch` draws weights and biases uniformly in ±1/√(fan in); with `normal`, weights are
    standard Gaussian and biases 0."""
    output_factor: float = 1.0
    """What the outputs are multiplied by in every step, as part of the function."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "d_hidden")
        require_at_least(0, self, "n_hidden_layers")

    @property
    def name(self) -> str:
        """Such as `dense, 2 hidden layers`, or `linear`."""
        if self.n_hidden_layers == 0:
            return "linear"
        return (
            f"dense, {self.n_hidden_layers} hidden layer{'s' if self.n_hidden_layers > 1 else ''}"
        )

    def require(self, vocab: Vocab) -> None:
        """Takes anything but tokens in rows of different lengths."""
        if vocab.is_padded:
            raise refused("rows of one length", vocab)

    def init(self, vocab: Vocab, seeds: Sequence[int]) -> Parameters:
        """Weights, each followed by its bias, from the input on."""
        fan_in, params = max(1, vocab.d_vocab) * vocab.n_slots, {}
        for weight, bias in self._layers():
            width = vocab.n_classes if weight == "W_U" else self.d_hidden
            is_torch, bound = self.init_like == "torch", fan_in**-0.5
            params[weight] = (
                uniform(weight, (fan_in, width), bound, seeds)
                if is_torch
                else normal(weight, (fan_in, width), 1.0, seeds)
            )
            if self.bias:
                zeros = torch.zeros(len(seeds), width)
                params[bias] = uniform(bias, (width,), bound, seeds) if is_torch else zeros
            fan_in = width
        return params

    def forward(
        self,
        params: Parameters,
        inputs: Shaped[Tensor, "model row slot"],
        hook: Hook | None = None,
    ) -> Float[Tensor, "model row n_outputs"]:
        """Row by row; activations are (model row width), `embed` one row of weights per token."""
        layers, factor = self._layers(), self._factor(params)
        post = inputs
        for i, (weight, bias) in enumerate(layers):
            last = weight == "W_U"
            if i == 0:
                pre = _first(params[weight], inputs, hook)
            else:
                pre = torch.einsum("mrd,mdn->mrn", post, params[weight])
            pre = pre + params[bias].unsqueeze(1) if self.bias else pre
            suffix = f"_{i}" if i else ""
            if last:
                return observed(hook, "logits", factor * pre)
            pre = observed(hook, f"pre{suffix}", pre)
            # clone: the ReLU works in place and a hook may keep `pre`
            post = observed(hook, f"post{suffix}", activate(pre.clone(), self.activation))
        raise AssertionError("the last layer returns")

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """On tokens the first layer is one look-up and sum per row."""
        factor, w_u = self._factor(params), params["W_U"]
        bias = factor * params["b_U"].unsqueeze(1) if self.bias else None
        if self.n_hidden_layers == 0:
            return _affine(rows, factor * w_u, bias)
        scaled, pre = padded(factor * w_u), self._last_pre(params, rows)
        if self.activation == "relu":
            outputs = relu_block(pre, scaled)
        elif self.activation == "square":
            outputs = square_block(pre, scaled)
        else:
            outputs = torch.bmm(activate(pre, self.activation), scaled)
        if bias is not None:
            outputs = outputs + F.pad(bias, (0, scaled.shape[2] - w_u.shape[2]))
        return shown(outputs, w_u.shape[2])

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """Activations of the last hidden layer; the inputs themselves where there is none."""
        if self.n_hidden_layers == 0:
            return one_hot(rows.inputs, params["W_U"])
        return activate(self._last_pre(params, rows), self.activation)

    def observe(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row n_outputs"], Float[Tensor, "model row neuron"]]:
        """The hidden layers once; the last product transposed."""
        post = self.neurons(params, rows)
        outputs = torch.bmm(self.neuron_to_logit(params).mT, post.mT)
        if self.bias:
            outputs += self._factor(params) * params["b_U"].unsqueeze(2)
        return outputs.mT, post

    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """W_U, times the output factor."""
        return self._factor(params) * params["W_U"]

    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """The rows of the first weight matrix, slot by slot; one for each real number."""
        return params[self._layers()[0][0]].unflatten(1, (-1, max(1, d_vocab)))

    def _layers(self) -> list[tuple[str, str]]:
        """Names of each layer's weight and bias."""
        hidden = [("W_in", "b_in")][: self.n_hidden_layers]
        hidden += [(f"W_hidden_{i}", f"b_hidden_{i}") for i in range(1, self.n_hidden_layers)]
        return [*hidden, ("W_U", "b_U")]

    def _factor(self, params: Parameters) -> Float[Tensor, "model 1 1"]:
        return params["output_factor"].to(params["W_U"].dtype)[:, None, None]

    def _last_pre(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """What goes into the last hidden layer's nonlinearity."""
        bias = params["b_in"].unsqueeze(1) if self.bias else None
        pre = _affine(rows, params["W_in"], bias)
        for name, bias_name in self._layers()[1:-1]:
            # not in place: autograd would copy what the look-up gave
            post = F.relu(pre) if self.activation == "relu" else activate(pre, self.activation)
            if self.bias:
                pre = torch.baddbmm(params[bias_name].unsqueeze(1), post, params[name])
            else:
                pre = torch.bmm(post, params[name])
        return pre


@dataclass(frozen=True)
class Columns:
    """A spelling: each token's column among the one-hot vectors of its row."""

    d_vocab: int

    def __call__(self, inputs: Tensor) -> Tensor:
        """Tokens of every slot apart."""
        slot = torch.arange(inputs.shape[-1], device=inputs.device)
        return inputs + self.d_vocab * slot


def _affine(
    rows: Rows,
    weights: Float[Tensor, "model d_in d_out"],
    bias: Float[Tensor, "model 1 d_out"] | None,
) -> Float[Tensor, "model row d_out"]:
    """A row's inputs times the weights; in place of the products with one-hot vectors a look-up."""
    n_slots = rows.inputs.shape[2]
    if rows.inputs.is_floating_point():
        return (
            torch.bmm(rows.inputs, weights)
            if bias is None
            else torch.baddbmm(bias, rows.inputs, weights)
        )
    table = weights if bias is None else weights + bias / n_slots
    return look_up_each(rows.spelled(Columns(weights.shape[1] // n_slots)), table)


def one_hot(
    inputs: Shaped[Tensor, "model row slot"], weights: Float[Tensor, "model d_in d_out"]
) -> Float[Tensor, "model row d_in"]:
    """What the weights are multiplied with: real inputs as they are, tokens as one-hot vectors."""
    if inputs.is_floating_point():
        return inputs
    d_vocab = weights.shape[1] // inputs.shape[2]
    tokens = torch.arange(d_vocab, device=inputs.device)
    return (inputs.unsqueeze(3) == tokens).flatten(2).to(weights.dtype)


def _first(
    weights: Float[Tensor, "model d_in d_out"],
    inputs: Shaped[Tensor, "model row slot"],
    hook: Hook | None,
) -> Float[Tensor, "model row d_out"]:
    """The first layer's products, plainly; on tokens the hook sees the rows of weights."""
    if inputs.is_floating_point():
        return torch.einsum("mrd,mdn->mrn", inputs, weights)
    columns = Columns(weights.shape[1] // inputs.shape[2])(inputs)
    which = torch.arange(len(inputs), device=inputs.device)[:, None, None]
    return observed(hook, "embed", weights[which, columns]).sum(2)
