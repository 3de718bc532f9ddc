"""The textbook implementation: one network as an ordinary torch module, with torch.optim.AdamW.

Written plainly from the papers (arXiv 2201.02177, 2301.05217, 2306.17844), without grokscope: every
position is computed up to its logits, autograd does the rest. It is what the benchmarks compare
with and what the engine's tests must agree with; parameters have the names that TransformerLens
gives them. A module on a device trains there; nothing here names one.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The shape of one transformer."""

    tokens: int
    n_ctx: int
    d_model: int
    n_heads: int
    attention_rate: float = 1.0
    causal: bool = True


class Transformer(nn.Module):
    """One layer of attention and MLP, no LayerNorm, biases in the MLP only."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        d, heads = sizes.d_model, sizes.n_heads
        d_head, d_mlp, std = d // heads, 4 * d, d**-0.5
        self.W_E = nn.Parameter(torch.randn(sizes.tokens, d) * std)
        self.W_pos = nn.Parameter(torch.randn(sizes.n_ctx, d) * std)
        self.W_Q = nn.Parameter(torch.randn(heads, d, d_head) * std)
        self.W_K = nn.Parameter(torch.randn(heads, d, d_head) * std)
        self.W_V = nn.Parameter(torch.randn(heads, d, d_head) * std)
        self.W_O = nn.Parameter(torch.randn(heads, d_head, d) * std)
        self.W_in = nn.Parameter(torch.randn(d, d_mlp) * std)
        self.b_in = nn.Parameter(torch.zeros(d_mlp))
        self.W_out = nn.Parameter(torch.randn(d_mlp, d) * std)
        self.b_out = nn.Parameter(torch.zeros(d))
        self.W_U = nn.Parameter(torch.randn(d, sizes.tokens) * sizes.tokens**-0.5)
        # a buffer, so that networks of different rates can be stacked
        self.rate: Tensor
        self.register_buffer("rate", torch.tensor(sizes.attention_rate, dtype=torch.float64))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of every position: (row, pos) to (row, pos, token)."""
        x = self.W_E[tokens] + self.W_pos[: tokens.shape[1]]
        x = x + self.attention(x)
        hidden = F.relu(x @ self.W_in + self.b_in)
        x = x + hidden @ self.W_out + self.b_out
        return x @ self.W_U

    def attention(self, x: Tensor) -> Tensor:
        """Rate · softmax + (1 − rate) · 1 over the visible positions."""
        q = torch.einsum("bpd,hde->bhpe", x, self.W_Q)
        k = torch.einsum("bpd,hde->bhpe", x, self.W_K)
        v = torch.einsum("bpd,hde->bhpe", x, self.W_V)
        scores = torch.einsum("bhqe,bhke->bhqk", q, k) / q.shape[-1] ** 0.5
        visible = x.new_ones(x.shape[1], x.shape[1])
        if self.sizes.causal:
            visible = visible.tril()
            scores = scores.masked_fill(visible == 0, float("-inf"))
        pattern = self.rate * scores.softmax(-1) + (1 - self.rate) * visible
        z = torch.einsum("bhqk,bhke->bhqe", pattern, v)
        return torch.einsum("bhqe,hed->bqd", z, self.W_O)


@dataclass(frozen=True, kw_only=True)
class MLPSizes:
    """The shape of one embedding MLP."""

    tokens: int
    n_outputs: int
    d_model: int
    d_hidden: int
    activation: str = "relu"


class MLP(nn.Module):
    """Both operands' embeddings summed, one hidden layer, unembedding."""

    def __init__(self, sizes: MLPSizes) -> None:
        super().__init__()
        d, hidden = sizes.d_model, sizes.d_hidden
        self.activation = {"relu": F.relu, "gelu": F.gelu, "square": torch.square}[sizes.activation]
        self.W_E = nn.Parameter(torch.randn(sizes.tokens, d))
        self.W_in = nn.Parameter(torch.randn(d, hidden) * d**-0.5)
        self.b_in = nn.Parameter(torch.zeros(hidden))
        self.W_U = nn.Parameter(torch.randn(hidden, sizes.n_outputs) * hidden**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits: (row, 2) to (row, 1, token), as if read at a single position."""
        x = self.W_E[tokens].sum(1)
        hidden = self.activation(x @ self.W_in + self.b_in)
        return (hidden @ self.W_U).unsqueeze(1)


@dataclass(frozen=True, kw_only=True)
class DecoderSizes:
    """The shape of one decoder with LayerNorm behind its sublayers."""

    tokens: int
    d_model: int
    n_heads: int
    n_layers: int
    d_mlp: int


class Decoder(nn.Module):
    """Layers of causal attention and MLP without biases, LayerNorm after each, fixed positions."""

    def __init__(self, sizes: DecoderSizes, n_ctx: int = 4) -> None:
        super().__init__()
        self.suffixes = [f"_{i}" if i else "" for i in range(sizes.n_layers)]
        d, heads, d_mlp = sizes.d_model, sizes.n_heads, sizes.d_mlp
        self.W_E = nn.Parameter(torch.randn(sizes.tokens, d))
        for i in self.suffixes:
            for name in ("W_Q", "W_K", "W_V"):
                self.register_parameter(name + i, uniform(d, heads, d, d // heads))
            self.register_parameter("W_O" + i, uniform(d, heads, d // heads, d))
            self.register_parameter("W_in" + i, uniform(d, d, d_mlp))
            self.register_parameter("W_out" + i, uniform(d_mlp, d_mlp, d))
            for name in ("ln1", "ln2"):
                self.register_parameter(f"{name}_w{i}", nn.Parameter(torch.ones(d)))
                self.register_parameter(f"{name}_b{i}", nn.Parameter(torch.zeros(d)))
        self.W_U = uniform(d, d, sizes.tokens)
        self.register_buffer("sinusoids", sinusoids(n_ctx, d))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of every position: (row, pos) to (row, pos, token)."""
        x = self.W_E[tokens]
        x = x + self.of("sinusoids")[: tokens.shape[1]].to(x.dtype)
        for i in self.suffixes:
            x = self.normalize(x + self.attention(x, i), "ln1", i)
            hidden = F.relu(x @ self.of("W_in" + i))
            x = self.normalize(x + hidden @ self.of("W_out" + i), "ln2", i)
        return x @ self.W_U

    def attention(self, x: Tensor, i: str) -> Tensor:
        """Every position attends to itself and to those before it."""
        q = torch.einsum("bpd,hde->bhpe", x, self.of("W_Q" + i))
        k = torch.einsum("bpd,hde->bhpe", x, self.of("W_K" + i))
        v = torch.einsum("bpd,hde->bhpe", x, self.of("W_V" + i))
        scores = torch.einsum("bhqe,bhke->bhqk", q, k) / q.shape[-1] ** 0.5
        visible = x.new_ones(x.shape[1], x.shape[1]).tril()
        pattern = scores.masked_fill(visible == 0, float("-inf")).softmax(-1)
        z = torch.einsum("bhqk,bhke->bhqe", pattern, v)
        return torch.einsum("bhqe,hed->bqd", z, self.of("W_O" + i))

    def normalize(self, x: Tensor, name: str, i: str) -> Tensor:
        """LayerNorm over the features of each position."""
        return F.layer_norm(x, x.shape[-1:], self.of(f"{name}_w{i}"), self.of(f"{name}_b{i}"))

    def of(self, name: str) -> Tensor:
        """A parameter or buffer by name."""
        return getattr(self, name)


def uniform(fan_in: int, *shape: int) -> nn.Parameter:
    """The initial values of torch.nn.Linear."""
    bound = fan_in**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def sinusoids(n_ctx: int, d_model: int) -> Float[Tensor, "pos d_model"]:
    """Fixed positions: pairs of a sine and a cosine, slower from pair to pair."""
    table = torch.zeros(n_ctx, d_model, dtype=torch.float64)
    for pos in range(n_ctx):
        for i in range(0, d_model, 2):
            angle = pos / 10_000 ** (i / d_model)
            table[pos, i] = math.sin(angle)
            table[pos, i + 1 : i + 2] = math.cos(angle)
    return table


def load(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Copy one network's parameters, by name."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(values[name])


Loss = Callable[[nn.Module, Tensor, Tensor, torch.dtype], Tensor]


def mean_loss(
    module: nn.Module,
    tokens: Int[Tensor, "row pos"],
    labels: Int[Tensor, " row"],
    dtype: torch.dtype,
) -> Float[Tensor, ""]:
    """Cross-entropy of the last token in nats, computed in `dtype`, mean over rows."""
    logits: Tensor = module(tokens)[:, -1]
    return F.cross_entropy(logits.to(dtype), labels)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """AdamW's hyper-parameters, the linear warm-up, and the precision of the loss."""

    lr: float = 1e-3
    weight_decay: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.98
    eps: float = 1e-8
    warmup_steps: int = 10
    loss_dtype: torch.dtype = torch.float64

    def warm(self, step: int) -> float:
        """Share of the learning rate that step `step`, counted from 0, uses."""
        return min(step / self.warmup_steps, 1.0) if self.warmup_steps else 1.0

    def adamw(self, parameters: Iterable[Tensor], *, fused: bool = False) -> torch.optim.AdamW:
        """Torch's own optimizer for these tensors."""
        return torch.optim.AdamW(
            parameters,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=fused,
        )


class Trainer:
    """The usual training loop: zero_grad, backward, step."""

    def __init__(self, module: nn.Module, settings: Settings, loss: Loss = mean_loss) -> None:
        self.module = module
        self.optimizer = settings.adamw(module.parameters())
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, settings.warm)
        self._loss = loss
        self._loss_dtype = settings.loss_dtype

    def step(
        self, tokens: Int[Tensor, "row pos"], labels: Int[Tensor, " row"]
    ) -> Float[Tensor, ""]:
        """One step on these rows; the loss before it, in nats, left on its device."""
        self.optimizer.zero_grad()
        loss = self._loss(self.module, tokens, labels, self._loss_dtype)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        return loss.detach()
