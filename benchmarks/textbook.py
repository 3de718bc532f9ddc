"""The textbook implementation: one network as an ordinary torch module, with torch.optim.AdamW.

Written plainly from the papers (arXiv 2301.05217, 2306.17844), without grokscope: every position is
computed up to its logits, autograd does the rest. It is what the benchmarks compare with and what
the engine's tests must agree with; parameters have the names that TransformerLens gives them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
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
        visible = torch.ones(x.shape[1], x.shape[1])
        if self.sizes.causal:
            visible = visible.tril()
            scores = scores.masked_fill(visible == 0, float("-inf"))
        rate = self.sizes.attention_rate
        pattern = rate * scores.softmax(-1) + (1 - rate) * visible.to(x.dtype)
        z = torch.einsum("bhqk,bhke->bhqe", pattern, v)
        return torch.einsum("bhqe,hed->bqd", z, self.W_O)


class MLP(nn.Module):
    """Both operands' embeddings summed, one hidden layer, unembedding."""

    def __init__(self, tokens: int, d_model: int, d_hidden: int) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.randn(tokens, d_model))
        self.W_in = nn.Parameter(torch.randn(d_model, d_hidden) * d_model**-0.5)
        self.b_in = nn.Parameter(torch.zeros(d_hidden))
        self.W_U = nn.Parameter(torch.randn(d_hidden, tokens) * d_hidden**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits: (row, 2) to (row, 1, token), as if read at a single position."""
        x = self.W_E[tokens].sum(1)
        hidden = F.relu(x @ self.W_in + self.b_in)
        return (hidden @ self.W_U).unsqueeze(1)


def load(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Copy one network's parameters, by name."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(values[name])


@dataclass(frozen=True, kw_only=True)
class Settings:
    """AdamW's hyper-parameters and the linear warm-up."""

    lr: float = 1e-3
    weight_decay: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.98
    eps: float = 1e-8
    warmup_steps: int = 10

    def warm(self, step: int) -> float:
        """Share of the learning rate that step `step`, counted from 0, uses."""
        return min(step / self.warmup_steps, 1.0) if self.warmup_steps else 1.0


class Trainer:
    """The usual training loop: zero_grad, backward, step; the loss in float64 at the last token."""

    def __init__(self, module: nn.Module, settings: Settings) -> None:
        self.module = module
        self.optimizer = torch.optim.AdamW(
            module.parameters(),
            lr=settings.lr,
            betas=(settings.beta1, settings.beta2),
            eps=settings.eps,
            weight_decay=settings.weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, settings.warm)

    def step(self, tokens: Tensor, labels: Tensor) -> float:
        """One step on these rows; the loss before it, in nats."""
        self.optimizer.zero_grad()
        logits: Tensor = self.module(tokens)[:, -1]
        loss = F.cross_entropy(logits.to(torch.float64), labels)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()
