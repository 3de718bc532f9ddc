"""Foreign modules: the adapter gives what the module gives, and the module stays as it is."""

# ruff: noqa: D102 (what `forward` does is what its class says)

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from explanation.foreign_networks import (
    D,
    MovedInside,
    P,
    RawTable,
    TiedHead,
    TwoLayers,
    TwoTables,
    made,
)
from grokscope.explanation import module_subject
from grokscope.explanation.module_subject import ModuleSubject
from grokscope.explanation.subject import Edit
from grokscope.explanation.symmetry import symmetry_of
from grokscope.tasks import ModularArithmetic

ADD = ModularArithmetic(operation="add", p=P)
Tokens = torch.Tensor


@dataclass
class Case:
    """How a kind of network is given to the adapter, and where its operands' embeddings are."""

    kind: type[nn.Module]
    embeddings: str | tuple[str, str]
    tables: Callable[[Any, Tokens], torch.Tensor]
    """Embedded positions (row, pos, d) for rows of tokens, looked up by hand."""
    sites: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def subject(self, module: nn.Module, task: ModularArithmetic = ADD) -> ModuleSubject:
        return ModuleSubject(
            module,
            task,
            embeddings=self.embeddings,
            pre=self.sites,
            patterns=self.patterns,
            **self.settings,
        )


CASES = {
    "two layers, separate vocabularies": Case(
        TwoLayers,
        "embed.weight",
        lambda m, t: torch.stack([m.embed.weight[t[:, 0]], m.embed.weight[P + t[:, 1]]], 1),
        ("layers.0.pre", "layers.1.pre"),
        ("layers.0.pattern", "layers.1.pattern"),
        {"inputs": lambda rows: rows + torch.tensor([0, P])},
    ),
    "two tables, two arguments": Case(
        TwoTables,
        ("left.weight", "right.weight"),
        lambda m, t: torch.stack([m.left.weight[t[:, 0]], m.right.weight[t[:, 1]]], 1),
        ("mlp.0",),
        (),
        {"inputs": lambda rows: (rows[:, 0], rows[:, 1])},
    ),
    "raw parameter, = inside, read out by the embedding": Case(
        RawTable,
        "W_E",
        lambda m, t: m.W_E[torch.cat([t, torch.full_like(t[:, :1], P)], 1)],
        ("hidden",),
    ),
    "tokens moved inside": Case(
        MovedInside,
        "embed.weight",
        lambda m, t: torch.stack([m.embed.weight[t[:, 0]], m.embed.weight[P + 3 + t[:, 1]]], 1),
        ("mlp.0",),
        (),
        {"operand_rows": (range(P), range(P + 3, 2 * P + 3))},
    ),
    "tied head": Case(TiedHead, "embed.weight", lambda m, t: m.embed.weight[t], ("mlp.0",)),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def answer(output: torch.Tensor) -> torch.Tensor:
    return output[:, -1] if output.ndim == 3 else output


@torch.no_grad()
def by_hand(
    module: Any, case: Case, task: ModularArithmetic, tables: torch.Tensor | None = None
) -> torch.Tensor:
    """Logits of the module's own code in the order of the coordinates, from edited embeddings."""
    layout = symmetry_of(task.table())
    assert layout is not None
    rows = task.table().inputs[layout.rows]
    module = copy.deepcopy(module).eval()
    embedded = case.tables(module, rows).clone()
    for slot in range(2) if tables is not None else ():
        embedded[:, slot] = tables[slot, layout.coordinates(slot)]
    logits = answer(module.after(embedded))
    return logits[:, layout.classes(logits.shape[1])]


def edited(subject: ModuleSubject, slot: int) -> torch.Tensor:
    tables = subject.embeddings.clone()
    tables[slot] += torch.randn(tables[slot].shape, generator=torch.Generator().manual_seed(slot))
    return tables


@every_case
@pytest.mark.parametrize("operation", ["add", "subtract", "multiply"])
def test_logits_are_the_modules_own(case: Case, operation: Any):
    task = ModularArithmetic(operation=operation, p=P)
    module = made(case.kind)
    torch.testing.assert_close(
        case.subject(module, task).run().logits, by_hand(module, case, task), rtol=0, atol=1e-12
    )


@every_case
@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize("operation", ["add", "subtract", "multiply"])
def test_each_operand_gets_embeddings_of_its_own(case: Case, slot: int, operation: Any):
    task = ModularArithmetic(operation=operation, p=P)
    module = made(case.kind)
    subject = case.subject(module, task)
    tables = edited(subject, slot)
    expected = by_hand(module, case, task, tables)
    assert not torch.allclose(expected, subject.run().logits)
    found = subject.run(Edit(embeddings=tables)).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_an_edit_does_what_changed_weights_do():
    module: Any = made(TwoLayers)
    subject = CASES["two layers, separate vocabularies"].subject(module)
    tables = edited(subject, 1)
    changed = copy.deepcopy(module).eval()
    with torch.no_grad():
        changed.embed.weight[P:] = tables[1]
        expected = changed(torch.cartesian_prod(torch.arange(P), P + torch.arange(P)))[:, -1]
    found = subject.run(Edit(embeddings=tables)).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@every_case
def test_gradients_are_slopes_of_edits(case: Case):
    """Every row's operands move by themselves: central differences of edits of one width."""
    subject = case.subject(made(case.kind))
    rows = torch.arange(P * P)
    classes = torch.randint(P, (P * P,), generator=torch.Generator().manual_seed(3))
    found = subject.gradients(rows, classes)
    step = 1e-6
    for slot in range(2):
        for i in range(D):
            sides: list[torch.Tensor] = []
            for sign in (1, -1):
                tables = subject.embeddings.clone()
                tables[slot, :, i] += sign * step
                sides.append(subject.run(Edit(embeddings=tables)).logits[rows, classes])
            slope = (sides[0] - sides[1]) / (2 * step)
            torch.testing.assert_close(found[slot, :, i], slope, rtol=0, atol=1e-6)


def test_pre_activations_are_read_and_overwritten():
    module: Any = made(TwoTables)
    subject = CASES["two tables, two arguments"].subject(module)
    pre = subject.run(reads=True).pre["mlp.0"]
    a, b = torch.cartesian_prod(torch.arange(P), torch.arange(P)).unbind(1)
    with torch.no_grad():
        both = torch.cat([module.left.weight[a], module.right.weight[b]], 1)
        own = both @ module.mlp[0].weight.T + module.mlp[0].bias
    torch.testing.assert_close(pre, own, rtol=0, atol=1e-12)
    new = own.flip(0) + 1
    kept = new.clone()
    with torch.no_grad():
        expected = new.relu() @ module.mlp[2].weight.T + module.mlp[2].bias
    trace = subject.run(Edit(pre={"mlp.0": new}), reads=True)
    torch.testing.assert_close(trace.logits, expected, rtol=0, atol=1e-12)
    # the module's ReLU works in place: neither the edit nor what was read may go through it
    assert torch.equal(new, kept)
    assert torch.equal(trace.pre["mlp.0"], kept)


def test_a_rectified_run_halves_the_absolute_value():
    module: Any = made(TwoTables)
    subject = CASES["two tables, two arguments"].subject(module)
    pre = subject.run(reads=True).pre["mlp.0"]
    with torch.no_grad():
        expected = pre.abs() / 2 @ module.mlp[2].weight.T + module.mlp[2].bias
    found = subject.run(Edit(is_rectified=True)).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_patterns_are_read_and_overwritten():
    module: Any = made(TwoLayers)
    subject = CASES["two layers, separate vocabularies"].subject(module)
    patterns = subject.run(reads=True).patterns
    # rate · softmax + (1 − rate) · 1 over two positions
    for site, total in (("layers.0.pattern", 0.7 + 2 * 0.3), ("layers.1.pattern", 0.4 + 2 * 0.6)):
        assert patterns[site].shape == (P * P, 2, 2, 2)
        torch.testing.assert_close(
            patterns[site].sum(-1), torch.full((P * P, 2, 2), total).double()
        )
    flat = {site: torch.full_like(value, 0.5) for site, value in patterns.items()}
    uniform = copy.deepcopy(module)
    for layer in uniform.layers:
        layer.rate = 0.0
        layer.qkv.weight.data[2 * D :] /= 2  # constant 1 on half the values is ½ on all of them
    expected = CASES["two layers, separate vocabularies"].subject(uniform).run().logits
    found = subject.run(Edit(patterns=flat)).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@every_case
def test_a_table_in_chunks_is_the_same(case: Case, monkeypatch: pytest.MonkeyPatch):
    module = made(case.kind)
    whole = case.subject(module)
    monkeypatch.setattr(module_subject, "_CHUNK", 1500)
    chunked = case.subject(module)
    assert chunked._rows_at_once < 10
    trace = whole.run(reads=True)
    rows, classes = torch.arange(P * P), torch.arange(P * P) % P
    edit = Edit(
        embeddings=edited(whole, 0),
        pre={whole.layers[-1]: trace.pre[whole.layers[-1]].flip(0)},
        patterns={site: value.flip(0) for site, value in trace.patterns.items()},
    )
    one, other = whole.run(edit, reads=True), chunked.run(edit, reads=True)
    close = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(one.logits, other.logits, **close)
    torch.testing.assert_close(dict(one.pre), dict(other.pre), **close)
    torch.testing.assert_close(dict(one.patterns), dict(other.patterns), **close)
    torch.testing.assert_close(
        whole.gradients(rows, classes), chunked.gradients(rows, classes), **close
    )


def state_of(module: nn.Module) -> tuple[Any, ...]:
    return (
        {name: value.clone() for name, value in module.state_dict().items()},
        {name: id(value) for name, value in module.named_parameters(remove_duplicate=False)},
        [part.training for part in module.modules()],
        [len(part._forward_hooks) for part in module.modules()],
        [value.grad for value in module.parameters()],
    )


@every_case
def test_the_module_stays_as_it_was(case: Case):
    module = made(case.kind)
    next(module.children()).eval()  # modes may differ between submodules
    before = state_of(module)
    subject = case.subject(module)
    subject.run(Edit(embeddings=edited(subject, 0)), reads=True)
    subject.gradients(torch.arange(4), torch.arange(4))
    after = state_of(module)
    torch.testing.assert_close(after[0], before[0], rtol=0, atol=0)
    assert after[1:] == before[1:]


def test_the_module_stays_as_it_was_after_an_error():
    module: Any = made(TwoLayers)
    subject = CASES["two layers, separate vocabularies"].subject(module)
    before = state_of(module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(module.layers[1].out), "forward", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            subject.run(reads=True)
    assert state_of(module)[1:] == before[1:]


def test_one_module_under_two_names_gets_its_parameter_back():
    module: Any = made(TwoTables)
    module.right = module.left
    own = module.left.weight
    subject = CASES["two tables, two arguments"].subject(module)
    tables = edited(subject, 1)
    expected = by_hand(module, CASES["two tables, two arguments"], ADD, tables)
    found = subject.run(Edit(embeddings=tables)).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert module.left.weight is own


def test_one_parameter_of_two_modules_is_replaced_in_both():
    module: Any = made(TwoTables)
    module.right.weight = module.left.weight
    subject = CASES["two tables, two arguments"].subject(module)
    tables = edited(subject, 0)
    expected = by_hand(module, CASES["two tables, two arguments"], ADD, tables)
    found = subject.run(Edit(embeddings=tables)).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_what_it_says_of_itself():
    case = CASES["two layers, separate vocabularies"]
    subject = case.subject(made(TwoLayers))
    assert (subject.name, subject.order) == ("TwoLayers", P)
    assert subject.layers == ("layers.0.pre", "layers.1.pre")
    assert subject.embeddings.shape == (2, P, D)
    named = ModuleSubject(made(TiedHead), ADD, embeddings="embed.weight", pre="mlp.0", name="mine")
    assert (named.layers, named.name) == (("mlp.0",), "mine")
