"""A look at a stack of networks: the numbers of each of them, and nothing waits for the device."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from grokscope.engine import CrossEntropy
from grokscope.experiment import observer as observer_module
from grokscope.experiment.metrics import Metrics
from grokscope.experiment.observer import Observer
from grokscope.measures.grid import neurons_to_grid
from grokscope.measures.table_loss import PARTS
from grokscope.models import (
    DeepTransformer,
    EmbeddingMLP,
    Model,
    OneLayerTransformer,
    Parameters,
    Rows,
    Vocab,
)
from grokscope.tasks import ModularArithmetic
from reference import watching

MODELS: dict[str, Model] = {
    "mlp": EmbeddingMLP(d_model=12, d_hidden=24),
    "deeper, separate": EmbeddingMLP(
        d_model=12, d_hidden=16, n_hidden_layers=2, combine="concat", separate_vocab=True
    ),
    "transformer": OneLayerTransformer(d_model=16),
    "deep": DeepTransformer(d_model=12),
}
TASKS = {
    "addition": ModularArithmetic(p=13, train_fraction=0.5),
    "division": ModularArithmetic(p=11, operation="divide", train_fraction=0.6),
    "no group": ModularArithmetic(p=12, operation="multiply", train_fraction=0.5),
    "no test": ModularArithmetic(p=7, train_fraction=1.0),
}
COUNT = 5


def prepared(model: Model, task: ModularArithmetic) -> tuple[Observer, Parameters]:
    table = task.table()
    splits = [task.make_split(table, seed) for seed in range(COUNT)]
    vocab = Vocab(d_vocab=table.d_vocab, n_classes=table.n_classes)
    params = model.init(vocab, range(COUNT)) | model.constants([model] * COUNT)
    params["W_U"] *= 20  # some rows are answered right, none of them by much
    return Observer(model, table, splits, CrossEntropy()), params


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_a_stack_is_measured_like_its_networks_one_by_one(model: str, task: str):
    observer, params = prepared(MODELS[model], TASKS[task])
    networks = [3, 0, 4, 1, 2]
    shuffled = {name: value[networks] for name, value in params.items()}
    columns = observer.metrics(shuffled, networks).columns()
    for i, network in enumerate(networks):
        alone = {name: value[network : network + 1] for name, value in params.items()}
        expected = slowly(MODELS[model], TASKS[task], alone, network)
        assert expected.keys() == columns.keys()
        for name, value in expected.items():
            found = columns[name][i]
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-7, err_msg=name)


def slowly(
    model: Model, task: ModularArithmetic, params: Parameters, seed: int
) -> dict[str, object]:
    """Metrics of one network from its plain parts."""
    table = task.table()
    split, rows = task.make_split(table, seed), Rows(table.inputs.unsqueeze(0))
    logits = model.readout(params, rows)[0]
    held_out = torch.cat([split.novel, split.mirrored])
    parts = (split.train, held_out, split.novel, split.mirrored)
    named = dict(zip(PARTS[:4], parts, strict=True))
    metrics: dict[str, object] = dict(watching.table_metrics(logits, table.labels, named))
    trained = [value for name, value in params.items() if name not in model.constants([model])]
    metrics["norm/weights"] = torch.cat([v.double().flatten() for v in trained]).norm().item()
    metrics["logit/scale"] = watching.logit_scale(logits)
    return metrics | fourier(model, task, params)


def fourier(model: Model, task: ModularArithmetic, params: Parameters) -> dict[str, object]:
    table, cyclic = task.table(), task.table().cyclic
    if cyclic is None:
        return {}
    tables = model.operand_embeddings(params, table.d_vocab)[0]
    norms = [watching.embedding_norms(tables[i, cyclic.operands(i)]) for i in range(2)]
    to_logits = model.neuron_to_logit(params)[0][:, cyclic.answers()]
    neurons = model.neurons(params, Rows(table.inputs.unsqueeze(0)))
    grid = neurons_to_grid(neurons, table.inputs, cyclic)[0]
    return {
        "fourier/gini_W_E": float(np.mean([watching.gini(row) for row in norms])),
        "fourier/gini_W_L": watching.gini(watching.embedding_norms(to_logits.T)),
        "fourier/spectrum_W_E": np.mean([watching.spectrum(row) for row in norms], axis=0),
        "fourier/n_key_frequencies": len(watching.key_frequencies(grid)),
    }


def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_CHUNK_NUMBERS", "_PIECE_NUMBERS"):
        monkeypatch.setattr(observer_module, name, 1.0)


@pytest.mark.parametrize("model", MODELS)
def test_the_size_of_the_chunks_changes_nothing(model: str, monkeypatch: pytest.MonkeyPatch):
    observer, params = prepared(MODELS[model], TASKS["addition"])
    whole = observer.metrics(params, range(COUNT))
    assert len(observer.chunks(params, range(COUNT))) == 1
    cut_small(monkeypatch)
    chunks = observer.chunks(params, range(COUNT))
    assert [list(networks) for _, networks in chunks] == [[0], [1], [2], [3], [4]]
    single = Metrics.join([observer.measure(chunk) for chunk in reversed(chunks)])
    torch.testing.assert_close(single.table.flip(0), whole.table, rtol=1e-5, atol=1e-6)
    assert observer.key_frequencies(params, range(COUNT)) == [
        keys for part, networks in chunks for keys in observer.key_frequencies(part, networks)
    ]


def test_chunks_may_be_taken_at_once(monkeypatch: pytest.MonkeyPatch):
    cut_small(monkeypatch)
    model, task = MODELS["mlp"], TASKS["addition"]
    alone, params = prepared(model, task)
    splits, keys = (
        [task.make_split(task.table(), i) for i in range(COUNT)],
        [[1], [2, 3], [], [4], [5]],
    )
    with ThreadPoolExecutor(3) as pool:
        together = Observer(model, task.table(), splits, CrossEntropy(), pool.map)
        look = [observer.metrics(params, range(COUNT)) for observer in (alone, together)]
        found = [observer.progress(params, range(COUNT), keys) for observer in (alone, together)]
    assert torch.equal(look[0].table, look[1].table)
    for name, values in vars(found[0]).items():
        torch.testing.assert_close(vars(found[1])[name], values, rtol=0, atol=0, msg=name)


class NoWaiting(TorchDispatchMode):
    """Refuses every operation for which the host would wait until the device has caught up."""

    NUMBERS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "bincount", "masked_select")

    def __torch_dispatch__(
        self, func: Callable[..., object], types: object, args: tuple = (), kwargs: object = None
    ) -> object:
        """Carry the operation out, or complain."""
        name, options = str(func).split(".")[1], kwargs or {}
        assert name not in self.NUMBERS, f"{name} waits"
        if name in ("index", "index_put", "index_put_"):
            assert all(i is None or i.dtype != torch.bool for i in args[1]), f"{name} waits"
        if name == "_to_copy" and options.get("device", args[0].device) != args[0].device:
            assert options.get("non_blocking"), "a copy waits"
        return func(*args, **options)


# A device that is not the host, holds no numbers, and refuses tensors of any other.
DEVICE = torch.device("meta")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_a_look_does_not_wait_for_the_device(model: str, task: str):
    observer, params = prepared(MODELS[model], TASKS[task])
    params = {name: value.to(DEVICE) for name, value in params.items()}
    first = observer.metrics(params, range(COUNT))  # what all looks share is copied once
    with NoWaiting():
        second = observer.metrics(params, range(COUNT))
    assert second.table.device == DEVICE
    assert second.table.shape == first.table.shape


@pytest.mark.parametrize(
    "wait",
    [
        lambda: torch.ones(2).sum().item(),
        lambda: torch.arange(3)[torch.ones(3, dtype=torch.bool)],
        lambda: torch.ones(3).to(DEVICE),
        lambda: bool(torch.equal(torch.ones(2), torch.ones(2))),
    ],
)
def test_what_waits_is_noticed(wait: Callable[[], object]):
    with NoWaiting(), pytest.raises(AssertionError, match="waits"):
        wait()


def test_metrics_are_columns_of_numbers_and_series():
    series, numbers = torch.arange(6.0).view(3, 2), torch.ones(3)
    metrics = Metrics.of({"a": numbers, "s": series, "b": numbers})
    columns = Metrics.join([metrics, metrics]).start_fetch().result().columns()
    assert list(columns) == ["a", "s", "b"]
    assert columns["s"].tolist() == 2 * series.tolist()
    assert columns["b"].tolist() == [1.0] * 6
