"""A whole training step is the textbook's: ordinary modules, autograd and torch.optim.AdamW."""

from dataclasses import replace

import pytest
import torch
from benchmarks import textbook
from benchmarks.cases import textbook_module, textbook_tokens

from engine.populations import MLP, NANDA, POWER, ZHONG, Network, World, distance, weights
from grokscope.engine import AdamW, Population
from grokscope.engine.batches import Batches
from grokscope.models import Model

STEPS = 25
SETTINGS = AdamW(lr=3e-3, weight_decay=0.5, beta1=0.8, eps=1e-7, warmup_steps=5)
MODELS: dict[str, Model] = {
    "nanda2023": NANDA,
    "zhong2023, rate 0": replace(ZHONG, attention_rate=0.0),
    "zhong2023, rate 0.4": replace(ZHONG, attention_rate=0.4),
    "zhong2023, rate 1": ZHONG,
    "mlp": MLP,
    "power2022": POWER,
}


def textbook_trainer(population: Population) -> textbook.Trainer:
    """The same network, with the same weights and settings, the ordinary way."""
    module = textbook_module(population.lanes[0].job.model, population.setup.table).double()
    textbook.load(module, weights(population, 0))
    s = SETTINGS
    settings = textbook.Settings(
        lr=s.lr,
        weight_decay=s.weight_decay,
        beta1=s.beta1,
        beta2=s.beta2,
        eps=s.eps,
        warmup_steps=s.warmup_steps,
    )
    return textbook.Trainer(module, settings)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_every_step_is_the_textbooks(name: str, batch_size: int | None):
    model = MODELS[name]
    population = World(batch_size=batch_size).population(
        [Network(model=model, optimizer=SETTINGS, seed=4)]
    )
    job, table = population.lanes[0].job, population.setup.table
    trainer = textbook_trainer(population)
    tokens, batches = textbook_tokens(model, table), Batches(job.rows, batch_size, job.seed)
    start = weights(population, 0)
    for step in range(STEPS):
        rows = batches.at(step)
        trainer.step(tokens[rows], table.labels[rows])
        population.step()
        theirs = dict(trainer.module.named_parameters())
        ours = {key: weights(population, 0)[key] for key in theirs}
        assert distance(ours, {k: v.detach() for k, v in theirs.items()}) < 1e-9, step
    assert distance(weights(population, 0), start) > 1e-2  # it did move


@pytest.mark.parametrize("name", MODELS)
def test_textbook_and_plain_forward_give_the_same_logits(name: str):
    model = MODELS[name]
    population = World().population([Network(model=model)])
    table = population.setup.table
    module = textbook_trainer(population).module
    with torch.no_grad():
        theirs = module(textbook_tokens(model, table))[:, -1]
    ours = model.forward(population.parameters(), table.inputs[None])[0]
    assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-12)
