"""The counted products are those that a step of the fast path takes."""

from dataclasses import replace

import pytest
import torch
from benchmarks import floor
from benchmarks.cases import CASES, Case
from benchmarks.counts import Counts, Sizes, count
from torch.utils.flop_counter import FlopCounterMode

from grokscope.models import Decoder, EmbeddingMLP, Model, OneLayerTransformer, Rows, Vocab
from grokscope.tasks import ModularArithmetic

TOLERANCE = 0.03  # scores and biases that are products on one path and sums on another
ZHONG = OneLayerTransformer(equals_token=False, causal=False, d_model=64)
FAST_PATHS: dict[str, tuple[Model, int]] = {
    "nanda2023": (OneLayerTransformer(), 59),
    "nanda2023, many outputs": (OneLayerTransformer(d_model=32), 59),
    "zhong2023": (ZHONG, 59),
    "zhong2023, many outputs": (replace(ZHONG, d_model=32), 59),
    "zhong2023, separate vocabulary": (replace(ZHONG, d_model=128, separate_vocab=True), 31),
    "mlp": (EmbeddingMLP(d_model=48, d_hidden=128), 31),
    "mlp, separate vocabulary": (EmbeddingMLP(d_model=48, separate_vocab=True), 31),
    "mlp, concat": (EmbeddingMLP(d_model=48, combine="concat"), 31),
    "mlp, two hidden layers": (EmbeddingMLP(d_model=48, n_hidden_layers=2), 31),
    "power2022": (Decoder(), 31),
    "power2022, 1 layer": (Decoder(d_model=32, n_layers=1), 31),
    "power2022, 3 layers": (Decoder(d_model=32, n_layers=3, d_mlp=50), 31),
}


def taken(model: Model, p: int) -> int:
    """Operations of all products of one forward and backward, as torch counts them."""
    table = ModularArithmetic(p=p).table()
    params = model.init(Vocab(d_vocab=p, n_classes=p), [0])
    trained = [value.requires_grad_() for value in params.values()]
    with FlopCounterMode(display=False) as counter:
        logits = model.readout(params | model.constants([model]), Rows(table.inputs[None]))
        torch.autograd.grad(logits.sum(), trained)
    return counter.get_total_flops()


@pytest.mark.parametrize("name", FAST_PATHS)
def test_the_counted_operations_are_those_of_the_fast_path(name: str):
    model, p = FAST_PATHS[name]
    counted = count(model, Sizes(rows=p * p, d_vocab=p, n_classes=p))
    assert counted.product_flops == pytest.approx(taken(model, p), rel=TOLERANCE)


def test_bytes_are_eight_passes_over_the_parameters_and_two_over_the_activations():
    counted = Counts(
        floor_products=[], row_products=[], token_products=[], activations=10, parameters=3
    )
    assert counted.bytes_moved == 4 * (8 * 3 + 2 * 10)


def test_parameters_and_activations_of_the_smallest_mlp():
    counted = count(EmbeddingMLP(d_model=5, d_hidden=7), Sizes(rows=4, d_vocab=3, n_classes=3))
    assert counted.parameters == 3 * 5 + 5 * 7 + 7 + 7 * 3
    assert counted.activations == 4 * (7 + 3)
    assert counted.flops == 6 * (3 * 5 * 7 + 4 * 7 * 3)


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_case_is_counted_with_the_rows_of_its_networks(case: Case):
    rows, inputs = case.jobs()[0].rows, case.table().inputs
    pairs = {tuple(sorted(pair)) for pair in inputs[rows].tolist()}
    counted = [shape[0] for shape in case.counts().floor_products]
    if case.models[0].is_symmetric:
        assert max(counted) == pytest.approx(len(pairs), rel=0.05)  # a mean over networks
    else:
        assert (case.batch_size or len(rows)) in counted


def test_the_floor_takes_each_counted_product_and_its_two_backward_ones():
    shapes = [(30, 8, 6), (5, 4, 3)]
    run = floor.products(2, shapes, "cpu")
    with FlopCounterMode(display=False) as counter:
        run()
    counted = Counts(
        floor_products=shapes, row_products=shapes, token_products=[], activations=0, parameters=0
    )
    assert counter.get_total_flops() == 2 * counted.flops


def test_a_model_without_counts_is_named():
    class Other(EmbeddingMLP):
        pass

    with pytest.raises(TypeError, match="no counts for Other"):
        count(Other(), Sizes(rows=1, d_vocab=3, n_classes=3))
