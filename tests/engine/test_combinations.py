"""Every kind of model with every optimizer and loss: a few steps, or one line that refuses."""

from dataclasses import replace

import pytest
import torch

from engine.test_other_rows import bits, numbers, repeats, targets
from grokscope.core.errors import SettingError
from grokscope.engine import (
    LOSSES,
    OPTIMIZERS,
    SGD,
    AdamW,
    CrossEntropy,
    Job,
    Loss,
    MeanSquare,
    Muon,
    Optimizer,
    Population,
    Setup,
)
from grokscope.models import (
    MODELS,
    CausalDecoder,
    Decoder,
    DeepTransformer,
    DenseMLP,
    DiagonalLinear,
    EmbeddingMLP,
    Model,
    OneLayerTransformer,
    Rows,
)
from grokscope.tasks import ModularArithmetic, Table

OWN_MODELS: dict[str, Model] = {
    "causal_decoder": CausalDecoder(d_model=8, n_heads=2, n_layers=1, init_like="torch"),
    "decoder": Decoder(d_model=8, n_heads=2, n_layers=1),
    "deep_transformer": DeepTransformer(d_model=8, n_heads=2),
    "dense_mlp": DenseMLP(d_hidden=16),
    "diagonal_linear": DiagonalLinear(),
    "mlp": EmbeddingMLP(d_model=8, d_hidden=16),
    "transformer": OneLayerTransformer(d_model=8, n_heads=2),
}
OWN_OPTIMIZERS: dict[str, Optimizer] = {
    "adamw": AdamW(lr=3e-3, weight_decay=0.0, warmup_steps=0),
    "muon": Muon(lr=3e-3, weight_decay=0.0, adam_lr=3e-3, adam_weight_decay=0.0),
    "sgd": SGD(lr=0.01, momentum=0.5),
}
PAIRS = ModularArithmetic(p=5).table()
FORMS = {
    "pairs": PAIRS,
    "bits": bits(),
    "rows of any length": repeats(),
    "numbers": numbers(),
    "targets": targets(),
}
TAKEN = {
    "causal_decoder": {"pairs", "bits", "rows of any length"},
    "dense_mlp": {"pairs", "bits", "numbers", "targets"},
    "diagonal_linear": {"numbers", "targets"},
    "mlp": {"pairs", "bits"},
}
"""What models take beside pairs, which is all that the others do."""


def population(model: Model, optimizer: Optimizer, loss: Loss, table: Table) -> Population:
    rows = torch.arange(len(table.labels) - 1)
    jobs = [Job(index=i, seed=i, model=model, optimizer=optimizer, rows=rows + i) for i in range(2)]
    return Population(Setup(table=table, loss=loss), jobs)


def loss_of(some: Population) -> torch.Tensor:
    """Of each network, on all rows."""
    table = some.setup.table
    with torch.no_grad():
        outputs = some.model.readout(some.parameters(), Rows(table.inputs.expand(2, -1, -1)))
    return some.setup.loss.rows(outputs, table.labels, table.targets).mean(1)


def test_all_kinds_are_combined():
    assert OWN_MODELS.keys() == MODELS.keys()
    assert OWN_OPTIMIZERS.keys() == OPTIMIZERS.keys()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_the_loss_falls(model: str, optimizer: str, loss: str):
    table = FORMS["numbers" if model == "diagonal_linear" else "pairs"]
    some = population(OWN_MODELS[model], OWN_OPTIMIZERS[optimizer], LOSSES[loss](), table)
    before = loss_of(some)
    some.advance(12)
    assert all(value.isfinite().all() for value in some.parameters().values())
    assert (loss_of(some) < before).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", MODELS)
def test_a_model_takes_rows_of_a_form_or_says_that_it_does_not(model: str, form: str):
    own, loss = OWN_MODELS[model], MeanSquare() if form == "targets" else CrossEntropy()
    if isinstance(own, DiagonalLinear):
        own = replace(own, two_classes=form != "targets")
    if form in TAKEN.get(model, {"pairs"}):
        some = population(own, AdamW(), loss, FORMS[form])
        some.advance(2)
        assert loss_of(some).isfinite().all()
        return
    with pytest.raises(SettingError, match=r"^`model` must be one that takes such rows: .*"):
        population(own, AdamW(), loss, FORMS[form])
