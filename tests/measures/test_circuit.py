"""A whole network built by hand, measured from its parameters to its key frequencies."""

import math

import pytest
import torch

from grokscope.algebra.cyclic import CyclicStructure, additive, multiplicative
from grokscope.measures.grid import neurons_to_grid, to_grid
from grokscope.measures.neuron_frequency import key_frequencies
from grokscope.measures.progress import progress_measures
from grokscope.measures.spectrum import coordinate_embeddings, embedding_norms, embedding_spectrum
from grokscope.models.base import Parameters
from grokscope.models.mlp import EmbeddingMLP
from grokscope.models.rows import Rows

PHASES = 12

TASKS = {
    "addition": (additive(13), [2, 6], lambda a, b: (a + b) % 13),
    "subtraction": (additive(13, -1), [1, 6], lambda a, b: (a - b) % 13),
    "multiplication": (multiplicative(13), [1, 5], lambda a, b: a * b % 13),
    "division": (multiplicative(13, -1), [1, 4], lambda a, b: a * pow(b, 11, 13) % 13),
    "addition in even order": (additive(14), [3, 5], lambda a, b: (a + b) % 14),
}


def build(structure: CyclicStructure, keys: list[int]) -> tuple[EmbeddingMLP, Parameters]:
    """Embeddings on circles, neurons relu(cos(kx + φ) + cos(ky + φ)), logits cos(kc + 2φ)."""
    n, d_vocab = structure.order, structure.operand_coordinates.shape[1]
    turn = 2 * math.pi * torch.tensor(keys).double() / n
    embed = torch.zeros(2, d_vocab, len(keys), 2, dtype=torch.float64)
    for slot in range(2):
        angle = torch.arange(n).double().unsqueeze(1) * turn
        embed[slot, structure.operands(slot)] = torch.stack([angle.cos(), angle.sin()], -1)
    phase = 0.1 + 2 * math.pi * torch.arange(PHASES).double() / PHASES
    mix = torch.stack([phase.cos(), -phase.sin()])
    w_in = torch.block_diag(*[mix] * len(keys))
    w_u = torch.zeros(len(keys), PHASES, d_vocab, dtype=torch.float64)
    for i, rate in enumerate(turn):
        waves = (rate * torch.arange(n).double() + 2 * phase.unsqueeze(1)).cos()
        w_u[i][:, structure.answers()] = 10 * waves
    params = {
        "W_E": embed.flatten(2).flatten(0, 1),
        "W_in": w_in,
        "b_in": torch.zeros(w_in.shape[1], dtype=torch.float64),
        "W_U": w_u.flatten(0, 1),
    }
    model = EmbeddingMLP(d_model=2 * len(keys), d_hidden=w_in.shape[1], separate_vocab=True)
    return model, {name: value.unsqueeze(0) for name, value in params.items()}


@pytest.mark.parametrize("name", TASKS)
def test_a_network_that_adds_on_circles_shows_its_frequencies_everywhere(name: str):
    structure, keys, operation = TASKS[name]
    n, d_vocab = structure.order, structure.operand_coordinates.shape[1]
    model, params = build(structure, keys)
    inputs = torch.cartesian_prod(torch.arange(d_vocab), torch.arange(d_vocab))
    logits = model.readout(params, Rows(inputs.unsqueeze(0)))
    inside = d_vocab - n
    right = [
        int(logits[0, a * d_vocab + b].argmax()) == operation(a, b)
        for a in range(inside, d_vocab)
        for b in range(inside, d_vocab)
    ]
    assert sum(right) / len(right) > 0.9
    neurons = neurons_to_grid(model.neurons(params, Rows(inputs.unsqueeze(0))), inputs, structure)
    assert key_frequencies(neurons) == [keys]
    embeddings = model.operand_embeddings(params, d_vocab)
    assert coordinate_embeddings(embeddings, structure).shape == (1, 2, n, 2 * len(keys))
    spectrum = embedding_spectrum(embedding_norms(embeddings, structure))[0]
    assert (torch.nonzero(spectrum > 1e-6).flatten() + 1).tolist() == keys
    grid = to_grid(logits, inputs, structure)
    found = progress_measures(grid, [keys], torch.ones_like(grid[..., 0], dtype=torch.bool))
    assert found.restricted_loss.item() < found.full_loss.item() < found.excluded_loss.item()
    assert found.logit_fve.item() > 0.5
