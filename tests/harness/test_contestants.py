"""Every contestant trains the same networks; the vmap stack takes the textbook's steps."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from benchmarks import contestants, textbook
from benchmarks.cases import CASES, Case, textbook_module, textbook_tokens
from benchmarks.contestants import CONTESTANTS, AbsentError
from benchmarks.vmap_stack import Stack

from grokscope.models import Decoder, EmbeddingMLP, OneLayerTransformer

STEPS = 4
ZHONG = OneLayerTransformer(
    equals_token=False, causal=False, init_like="zhong2023", d_model=16, n_heads=2
)
SMALL: dict[str, Case] = {
    "transformers of two kinds": Case(
        name="", p=7, fraction=0.5, models=[ZHONG, replace(ZHONG, attention_rate=0.25)]
    ),
    "transformer with =": Case(
        name="", p=7, fraction=0.5, models=[OneLayerTransformer(d_model=16)]
    ),
    "decoder": Case(
        name="",
        p=7,
        fraction=0.5,
        models=[Decoder(d_model=8, n_heads=2)] * 2,
        operation="divide",
        loss="float32",
    ),
    "quadratic": Case(
        name="",
        p=7,
        fraction=0.5,
        models=[EmbeddingMLP(d_model=9, d_hidden=8, activation="square", separate_vocab=True)] * 3,
        loss="float32",
    ),
}
every_small = pytest.mark.parametrize("case", SMALL.values(), ids=SMALL.keys())


@every_small
def test_the_vmap_stack_takes_the_steps_of_the_textbook(case: Case):
    table, jobs = case.table(), case.jobs()
    modules = [textbook_module(job.model, table).double() for job in jobs]
    settings = textbook.Settings(weight_decay=0.7, warmup_steps=2)
    rows = torch.stack([job.rows for job in jobs])
    tokens, labels = textbook_tokens(jobs[0].model, table)[rows], table.labels[rows]
    stack = Stack(modules, settings)
    trainers = [textbook.Trainer(module, settings) for module in modules]
    for _ in range(STEPS):
        losses = stack.step(tokens, labels)
        for i, trainer in enumerate(trainers):
            assert losses[i] == pytest.approx(float(trainer.step(tokens[i], labels[i])), rel=1e-9)
    for i, module in enumerate(modules):
        for name, parameter in module.named_parameters():
            assert torch.allclose(stack.params[name][i], parameter, rtol=1e-9, atol=1e-12), name


@every_small
@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize("name", ["floor", "ours", "textbook", "vmap"])
def test_every_contestant_takes_steps(name: str, batch_size: int | None, case: Case):
    step = CONTESTANTS[name](replace(case, batch_size=batch_size), "cpu")
    for _ in range(2):
        step()


@every_small
def test_compiled_is_the_textbook_with_its_loss_compiled(
    case: Case, monkeypatch: pytest.MonkeyPatch
):
    compiled: list[object] = []

    def compile_(function: Callable[..., object]) -> Callable[..., object]:
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", compile_)
    monkeypatch.setattr(contestants, "_has_cpp_compiler", lambda: True)
    CONTESTANTS["compiled"](case, "cpu")()
    assert compiled == [textbook.mean_loss]


def test_without_a_compiler_compiled_is_absent_with_the_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(AbsentError, match=r"no C\+\+ compiler"):
        CONTESTANTS["compiled"](CASES["mlp"], "cpu")


def test_minibatches_are_rows_of_each_networks_own_split():
    tokens = torch.arange(24).view(2, 6, 2)
    labels = torch.arange(12).view(2, 6)
    drawn = contestants._stacked_batches(tokens, labels, 4)
    alone = contestants._batches(tokens[1], labels[1], 4)
    for _ in range(5):
        some, answers = drawn()
        assert some.shape == (2, 4, 2)
        assert set(answers[0].tolist()) <= set(range(6))
        assert set(answers[1].tolist()) <= set(range(6, 12))
        assert torch.equal(some[..., 0], 2 * answers)
        some, answers = alone()
        assert torch.equal(some, tokens[1][answers - 6])


@pytest.mark.parametrize("name", ["nanda2023", "zhong2023"])
def test_the_published_cases_compute_their_loss_in_float64(name: str):
    assert CASES[name].loss == "float64"


@pytest.mark.parametrize("name", ["mlp-p31-64", "quadratic-64"])
def test_the_stacks_have_64_networks_with_seeds_and_splits_of_their_own(name: str):
    jobs = CASES[name].jobs()
    assert [job.seed for job in jobs] == list(range(64))
    assert not torch.equal(jobs[0].rows, jobs[1].rows)
