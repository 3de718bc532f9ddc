"""Every measure of the catalogue on networks of every kind, and on planted ones."""

import math
import re
from dataclasses import replace
from typing import Any

import pytest
import torch

from grokscope.core.errors import SettingError, UsageError
from grokscope.engine import CrossEntropy
from grokscope.measures.catalogue import MEASURES, Columns, take
from grokscope.measures.snapshot import Snapshot
from grokscope.models import (
    Decoder,
    DeepTransformer,
    DenseMLP,
    EmbeddingMLP,
    Model,
    OneLayerTransformer,
    Vocab,
)
from grokscope.tasks import GroupComposition, ModularArithmetic, Task

MLP = EmbeddingMLP(d_model=8, d_hidden=12)
MODELS: dict[str, Model] = {
    "mlp": MLP,
    "mlp, two layers, own vocabularies": EmbeddingMLP(
        d_model=8, d_hidden=12, n_hidden_layers=2, separate_vocab=True
    ),
    "transformer": OneLayerTransformer(d_model=8, n_heads=2),
    "deep": DeepTransformer(d_model=8, n_heads=2),
    "decoder": Decoder(d_model=8, n_heads=2),
    "dense": DenseMLP(d_hidden=8, activation="square"),
}
ADDITION = ModularArithmetic(p=11, train_fraction=0.4)
FEW = {"draws": 4, "chains": 2}


def snapshot(
    model: Model = MLP, task: Task = ADDITION, seeds: tuple[int, ...] = (1, 2)
) -> Snapshot:
    table = task.table()
    params = model.init(Vocab(d_vocab=table.d_vocab, n_classes=table.n_classes), seeds)
    masks = torch.zeros(2, len(seeds), len(table.labels), dtype=torch.bool)
    for i, seed in enumerate(seeds):
        split = task.make_split(table, seed)
        masks[0, i, split.train], masks[1, i, split.novel] = True, True
    return Snapshot(
        model=model,
        params=params | model.constants([model] * len(seeds)),
        table=table,
        train=masks[0],
        novel=masks[1],
        seeds=seeds,
        task=task.name,
        loss=lambda logits, rows: CrossEntropy()(logits, table.shown[rows]),
    )


def options(name: str) -> dict[str, Any]:
    return FEW if name == "llc" else {}


REFUSED = {("active_subnetwork", "decoder")}
PAIRS = [(name, kind) for name in MEASURES for kind in MODELS if (name, kind) not in REFUSED]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_every_measure_gives_its_columns_of_every_model(name: str, kind: str):
    found = take(name, snapshot(MODELS[kind]), options(name))
    assert tuple(found) == MEASURES[name].columns
    for values in found.values():
        assert values.shape == (2,)
        assert values.isfinite().all()


@pytest.mark.parametrize("name", MEASURES)
def test_a_network_is_measured_the_same_in_any_company(name: str):
    whole = snapshot(seeds=(1, 2, 3))
    together = take(name, whole, options(name))
    for i in (2, 0):
        alone = take(name, whole.some([i]), options(name))
        assert {k: v.item() for k, v in alone.items()} == pytest.approx(
            {k: v[i].item() for k, v in together.items()}, rel=1e-5, abs=1e-7
        )


@pytest.mark.parametrize("name", MEASURES)
def test_broken_weights_are_not_a_number_and_trouble_nobody_else(name: str):
    whole = snapshot()
    broken = {key: value.clone() for key, value in whole.params.items()}
    broken["W_U"][0, 0, 0] = math.inf
    found = take(name, replace(whole, params=broken), options(name))
    alone = take(name, whole.some([1]), options(name))
    for column, values in found.items():
        assert values[0].isnan()
        assert values[1].item() == pytest.approx(alone[column].item(), rel=1e-5, abs=1e-7)
    for value in broken.values():
        value[:] = math.nan
    assert all(v.isnan().all() for v in take(name, replace(whole, params=broken)).values())


def clock(p: int = 11, keys: tuple[int, ...] = (2, 3)) -> Snapshot:
    """Two networks that add by |cos| of every key frequency, with W_E, W_in and W_U by hand."""
    angle = torch.arange(p).unsqueeze(1) * torch.tensor(keys) * (2 * math.pi / p)
    embed = torch.cat([angle.cos(), angle.sin()], 1)
    shifts, half = 8, len(keys)
    w_in, w_out = torch.zeros(2 * half, half * shifts), torch.zeros(half * shifts, p)
    for i, k in enumerate(keys):
        for j in range(shifts):
            phase, neuron = 2 * math.pi * j / shifts, i * shifts + j
            w_in[i, neuron], w_in[half + i, neuron] = math.cos(phase), math.sin(phase)
            turn = 2 * math.pi * k * torch.arange(p) / p
            w_out[neuron] = (turn - 2 * phase).cos()
    model = EmbeddingMLP(d_model=2 * half, d_hidden=half * shifts)
    own = {"W_E": embed, "W_in": w_in, "b_in": torch.zeros(half * shifts), "W_U": 20 * w_out}
    params = {key: torch.stack([value, value]) for key, value in own.items()}
    return replace(snapshot(model, ModularArithmetic(p=p, train_fraction=0.4)), params=params)


def test_a_network_that_adds_is_measured_as_what_it_is():
    planted = clock()
    right = planted.logits.argmax(2) == planted.table.labels
    assert right.double().mean() > 0.9
    assert take("ipr", planted)["measure/ipr"].tolist() == pytest.approx([1, 1], abs=1e-5)
    rank = take("effective_rank", planted)["measure/effective_rank"]
    assert rank.tolist() == pytest.approx([4, 4], rel=1e-4)
    circuits = take("circuits", planted)
    assert (circuits["measure/circuit_generalising"] > 0.6).all()
    assert (circuits["measure/circuit_memorising"].abs() < 0.12).all()
    assert (circuits["measure/circuit_right_generalising"] > 5).all()
    assert (circuits["measure/efficiency"] > 0).all()
    assert (take("rqi", planted)["measure/rqi_modular"] < 0.2).all()


def test_the_mirror_images_of_training_rows_count_for_neither_circuit():
    """A symmetric network that memorises says on (b, a) what it was told of (a, b)."""
    task = ModularArithmetic(p=11, train_fraction=0.3)
    plain = snapshot(task=task)
    seen = plain.train | plain.train[:, plain.table.mirror]
    spikes = 9.0 * torch.nn.functional.one_hot(plain.table.labels, 11) * seen.unsqueeze(2)
    assert shares_of(plain, spikes.float()) == pytest.approx([1, 1], abs=1e-5)
    assert max(shares_of(replace(plain, novel=~plain.train), spikes.float())) < 0.9


def shares_of(planted: Snapshot, logits: torch.Tensor) -> list[float]:
    """What is memorised, with these logits in the place of the model's."""
    planted.__dict__["logits"] = logits
    measure = MEASURES["circuits"]
    return measure.of(planted, measure.settings)["measure/circuit_memorising"].tolist()


def test_rows_outside_the_group_are_left_to_the_others():
    product = snapshot(task=ModularArithmetic(p=11, operation="multiply", train_fraction=0.4))
    assert product.members.sum() == 100
    for name in ("ipr", "rqi", "circuits"):
        assert all(values.isfinite().all() for values in take(name, product).values())


def test_a_group_that_is_not_cyclic_has_circuits():
    dihedral = snapshot(task=GroupComposition(group="D5", train_fraction=0.4))
    assert all(values.isfinite().all() for values in take("circuits", dihedral).values())


@pytest.mark.parametrize("name", ["circuits", "ipr", "rqi"])
def test_a_measure_that_needs_a_group_says_so_with_the_tasks_name(name: str):
    task = ModularArithmetic(p=11, operation="x2+y2", train_fraction=0.4)
    said = re.escape(f"`{name}` cannot be measured. The task (x2+y2 mod 11) has no ")
    with pytest.raises(UsageError, match=f"{said}(cyclic )?group.$"):
        take(name, snapshot(task=task))
    for other in MEASURES.keys() - {"circuits", "ipr", "rqi"}:
        take(other, snapshot(task=task), options(other))


def test_neurons_behind_a_normalisation_cannot_be_counted():
    with pytest.raises(UsageError, match=r"`active_subnetwork` .* are not linear in its last"):
        take("active_subnetwork", snapshot(MODELS["decoder"]))


def test_the_active_neurons_are_those_of_the_network_as_it_runs():
    """Silencing the others in a forward pass leaves every training answer."""
    whole = snapshot(MODELS["transformer"])
    count = take("active_subnetwork", whole)["measure/active_neurons"]
    assert (count < 32).all()
    assert (count > 0).all()
    share = take("active_subnetwork", whole)["measure/active_share"]
    assert torch.allclose(share, count / 32)


def test_the_learning_coefficient_is_of_the_training_loss_in_batches_too():
    whole = snapshot(seeds=(1, 2))
    full: Columns = take("llc", whole, {"draws": 40, "chains": 2})
    labels = whole.table.shown
    other = replace(
        whole, loss=lambda logits, rows: CrossEntropy()(logits, (labels + 1)[rows] % 11)
    )
    assert take("llc", other, {"draws": 40, "chains": 2})["measure/llc"] != pytest.approx(
        full["measure/llc"].tolist(), rel=1e-3
    )
    batched = take("llc", whole, {"draws": 40, "chains": 2, "batch_size": 24})
    assert batched["measure/llc"].isfinite().all()
    assert batched["measure/llc"] != pytest.approx(full["measure/llc"].tolist(), rel=1e-6)
    more = take("llc", whole.some([0]), {"draws": 40, "chains": 2})
    uneven = replace(whole, train=torch.stack([whole.train[0], ~whole.train[1]]))
    found = take("llc", uneven, {"draws": 40, "chains": 2})["measure/llc"]
    assert found[0].item() == pytest.approx(more["measure/llc"].item(), rel=1e-5)


def test_settings_reach_the_measure_and_unknown_ones_are_named():
    whole = snapshot()
    loose = take("rqi", whole, {"delta": 50.0})
    assert loose["measure/rqi"].tolist() == [1.0, 1.0]
    with pytest.raises(UsageError, match=r"no setting `dleta`\. Did you mean `delta`\?"):
        take("rqi", whole, {"dleta": 1.0})
    with pytest.raises(UsageError, match="no setting `delta`"):
        take("ipr", whole, {"delta": 1.0})
    with pytest.raises(SettingError, match="`delta` must be greater than 0"):
        take("rqi", whole, {"delta": -1.0})


def test_a_measure_that_does_not_exist_is_named_with_its_neighbour():
    with pytest.raises(
        UsageError, match=r"no measure `effective_rnk`\. Did you mean `effective_ra"
    ):
        take("effective_rnk", snapshot())
    with pytest.raises(UsageError, match="There are active_subnetwork, circuits, "):
        take("zzz", snapshot())
