"""Foreign modules that cannot be what they are said to be: refused, each in one line."""

# ruff: noqa: D102 (what `forward` does is what its class says)

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from explanation.foreign_networks import D, P, TiedHead, made
from grokscope.core.errors import MemoryExceededError, SettingError, UsageError
from grokscope.explanation import explain, module_subject
from grokscope.explanation.module_subject import ModuleSubject
from grokscope.explanation.subject import Edit
from grokscope.tasks import ModularArithmetic

ADD = ModularArithmetic(operation="add", p=P)


class Half(nn.Module):
    """Looks at the first operand only, and knows nothing of the second."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(P, D)
        self.extra = nn.Linear(D, D)
        self.head = nn.Linear(D, P)

    def forward(self, rows):
        return self.head(self.embed(rows[:, 0]) + 0 * self.embed(rows[:, 1]))


class Twice(nn.Module):
    """Adds a bias by token behind the embedding, and goes through one submodule twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(P, D)
        self.bias = nn.Parameter(torch.randn(3 * P))
        self.act = nn.Tanh()
        self.pair = nn.Identity()
        self.head = nn.Linear(D, P)

    def forward(self, rows):
        x = self.act(self.embed(rows).sum(1)) + self.bias[rows].sum(1, keepdim=True)
        self.pair((x, x))
        return self.head(self.act(x))


class Wraps(nn.Module):
    """Takes tokens modulo P, so that none can be added."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(P, D)
        self.head = nn.Linear(D, P)

    def forward(self, rows):
        return self.head(self.embed(rows % P)[:, 0] * self.embed(rows % P)[:, 1])


class Flat(nn.Module):
    """Positions and rows in one axis at its site, and an output that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(P, D)
        self.hidden = nn.Linear(D, D)
        self.head = nn.Linear(D, P)

    def forward(self, rows):
        x = self.hidden(self.embed(rows).flatten(0, 1)).relu().unflatten(0, (-1, 2)).sum(1)
        return {"logits": self.head(x)}


def tied(**settings: Any) -> ModuleSubject:
    return ModuleSubject(made(TiedHead), ADD, **({"embeddings": "embed.weight"} | settings))


def of(kind: type[nn.Module], **settings: Any) -> ModuleSubject:
    return ModuleSubject(made(kind), ADD, **({"embeddings": "embed.weight"} | settings))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "missing parameter": (
        lambda: tied(embeddings="embed.wait"),
        "no parameter 'embed.wait'. It has embed.weight, mlp.0.weight",
    ),
    "missing submodule": (
        lambda: tied(pre="mlp.9"),
        "`pre`: the module has no submodule 'mlp.9'. It has embed, mlp, mlp.0",
    ),
    "missing pattern": (lambda: tied(patterns="attn"), "`patterns`: .*'attn'"),
    "no matrix": (
        lambda: tied(embeddings="head.bias"),
        r"'head.bias' must be a \(token, d_model\)",
    ),
    "table too short": (
        lambda: ModuleSubject(made(TiedHead), ModularArithmetic(p=11), embeddings="embed.weight"),
        "'embed.weight' has 7 rows, but the tokens of operand 0 are 0 … 10",
    ),
    "widths differ": (
        lambda: tied(embeddings=("embed.weight", "mlp.2.weight")),
        "both operands' must have one width, got 8 and 16",
    ),
    "no group": (
        lambda: ModuleSubject(
            made(TiedHead), ModularArithmetic(operation="multiply", p=8), embeddings="embed.weight"
        ),
        "no group",
    ),
    "operands joined": (
        lambda: tied(inputs=lambda rows: rows[:, :1] * P + rows[:, 1:]),
        "operand 0 has no column of its own",
    ),
    "inputs of another length": (
        lambda: tied(inputs=lambda rows: rows[:3]),
        r"`inputs` must return .* for each of 49 rows, got \(3, 2\)",
    ),
    "one operand unused": (lambda: of(Half), "of operand 1 does not feed the output"),
    "wrong table": (
        lambda: of(Half, embeddings="extra.weight"),
        "cannot look up embeddings of their own for both operands",
    ),
    "more than a look-up": (lambda: of(Twice), "by themselves changes the logits"),
    "modulo": (lambda: of(Wraps), "by themselves changes the logits|does not feed the output"),
    "passed twice": (lambda: of(Twice, pre="act"), "'act' must be passed once .* was 2 times"),
    "never passed": (lambda: of(Half, pre="extra"), "'extra' must be passed once .* not at all"),
    "no tensor": (lambda: of(Twice, pre="pair"), r"'pair' must be \(row, position, neuron\)"),
    "rows and positions in one": (
        lambda: of(Flat, pre="hidden", answer=lambda output: output["logits"]),
        r"'hidden' must be \(row, position, neuron\) with 49 rows, got \(98, 8\)",
    ),
    "no pattern": (lambda: tied(patterns="mlp.0"), r"must be \(row, head, query, key\)"),
    "output is no tensor": (lambda: of(Flat), "say with `answer` where its logits are"),
    "too few classes": (
        lambda: tied(answer=lambda output: output[:, :3]),
        r"must have shape \(49, at least 7\) for 49 rows, got \(49, 3\)",
    ),
    "not finite": (lambda: tied(answer=lambda output: output * torch.nan), "not all finite"),
    "inputs that the module does not take": (
        lambda: tied(inputs=lambda rows: (rows, rows)),
        r"`inputs`: the module cannot be called with what they give .* \(TypeError: ",
    ),
    "no pre-activations": (lambda: explain(tied()), "`pre`: name the submodules"),
    "edit of another site": (
        lambda: tied().run(Edit(pre={"mlp.0": torch.zeros(49, 16)})),
        r"'mlp.0' is none of the sites \(\)",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_meant_is_refused_in_one_line(make: Callable[[], object], message: str):
    with pytest.raises(UsageError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tied(operand_rows=(range(3), range(P))),
            "`operand_rows` must be one row for each",
        ),
        (
            lambda: tied(operand_rows=(range(P), [0, 2, 1, 3, 4, 5, 6])),
            "`operand_rows` must be the tokens of operand 1 in `inputs`, all moved by one number",
        ),
        (
            lambda: tied(pre="mlp.0").run(Edit(pre={"mlp.0": torch.zeros(1, 16)})),
            r"`mlp.0` must be of shape \(49, 16\), got \(1, 16\)",
        ),
        (
            lambda: tied().run(Edit(embeddings=torch.zeros(2, P, 3))),
            r"`embeddings` must be of shape \(2, 7, 8\)",
        ),
    ],
    ids=["too few rows", "rows in another order", "edited pre", "edited embeddings"],
)
def test_settings_that_break_their_rule_are_named(make: Callable[[], object], message: str):
    with pytest.raises((SettingError, TypeError), match=message):
        make()


def test_a_table_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module_subject, "MEMORY_LIMIT", 5000)
    with pytest.raises(MemoryExceededError, match=r"must take at most 0.0 GB, got 0.0 GB"):
        tied(pre="mlp.0")


def test_many_names_are_cut_short():
    many = nn.ModuleDict({f"part{i}": nn.Identity() for i in range(30)})
    module: Any = made(TiedHead)
    module.many = many
    with pytest.raises(UsageError, match=r"many\.part12, and 17 more\."):
        ModuleSubject(module, ADD, embeddings="embed.weight", pre="gone")
