"""Networks as other people write them, in plain PyTorch; each can start from its embeddings too.

`after` is the network behind the look-up: what it gives for rows of embedded positions says what an
edit must give, without the adapter.
"""

# ruff: noqa: D102 (what `forward` does is what its class says)

import torch
from torch import nn

P = 7
D = 8


class Layer(nn.Module):
    """LayerNorm, attention mixed with a constant, and an MLP whose ReLU works in place."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(D)
        self.qkv = nn.Linear(D, 3 * D, bias=False)
        self.pattern = nn.Identity()
        self.pre = nn.Linear(D, 12)
        self.act = nn.ReLU(inplace=True)
        self.out = nn.Linear(12, D)
        self.drop = nn.Dropout(0.5)
        self.rate = rate

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).unflatten(-1, (3, 2, D // 2)).permute(2, 0, 3, 1, 4)
        shares = (q @ k.mT / 2).softmax(-1)
        mixed = self.pattern(self.rate * shares + 1 - self.rate)
        x = x + (mixed @ v).transpose(1, 2).flatten(2)
        return x + self.drop(self.out(self.act(self.pre(x))))


class TwoLayers(nn.Module):
    """Separate vocabularies in one table, two positions, the answer at the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(2 * P, D)
        self.position = nn.Parameter(torch.randn(2, D))
        self.layers = nn.ModuleList([Layer(0.7), Layer(0.4)])
        self.unembed = nn.Linear(D, P, bias=False)

    def after(self, embedded):
        x = embedded + self.position
        for layer in self.layers:
            x = layer(x)
        return self.unembed(x)

    def forward(self, tokens):
        return self.after(self.embed(tokens))


class TwoTables(nn.Module):
    """An embedding per operand, side by side into an MLP; called with both operands apart."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Embedding(P, D), nn.Embedding(P, D)
        self.mlp = nn.Sequential(nn.Linear(2 * D, 16), nn.ReLU(inplace=True), nn.Linear(16, P))

    def after(self, embedded):
        return self.mlp(embedded.flatten(1))

    def forward(self, a, b):
        return self.after(torch.stack([self.left(a), self.right(b)], 1))


class RawTable(nn.Module):
    """A raw parameter, `=` appended inside, and the same parameter read out at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.randn(P + 1, D))
        self.hidden = nn.Linear(3 * D, 20)
        self.out = nn.Linear(20, D)

    def after(self, embedded):
        return self.out(torch.nn.functional.gelu(self.hidden(embedded.flatten(1)))) @ self.W_E.T

    def forward(self, rows):
        equals = torch.full_like(rows[:, :1], P)
        return self.after(self.W_E[torch.cat([rows, equals], 1)])


class MovedInside(nn.Module):
    """Moves the second operand's tokens itself, so that the inputs do not show where they are."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(2 * P + 3, D)
        self.mlp = nn.Sequential(nn.Linear(D, 16), nn.ReLU(), nn.Linear(16, P))

    def after(self, embedded):
        return self.mlp(embedded.sum(1))

    def forward(self, rows):
        return self.after(self.embed(rows + torch.tensor([0, P + 3])))


class TiedHead(nn.Module):
    """A linear read-out that shares the embedding's parameter, and has a bias of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(P, D)
        self.mlp = nn.Sequential(nn.Linear(D, 16), nn.ReLU(), nn.Linear(16, D))
        self.head = nn.Linear(D, P)
        self.head.weight = self.embed.weight

    def after(self, embedded):
        return self.head(self.mlp(embedded.sum(1)))

    def forward(self, rows):
        return self.after(self.embed(rows))


def made(kind: type[nn.Module], seed: int = 0) -> nn.Module:
    """A network of a kind in float64, with random weights and in training mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind().double()
