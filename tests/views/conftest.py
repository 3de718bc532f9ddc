"""Small real runs, trained once for all tests of views."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grokscope.engine import AdamW
from grokscope.experiment import Config, Run, Training, plan_seeds, start_run
from grokscope.experiment.explained import explain_run, store_explanations
from grokscope.models import EmbeddingMLP, OneLayerTransformer
from grokscope.store import RunDirectory
from grokscope.tasks import ModularArithmetic
from views.planted_monitor import planted

SMALL = Config(
    task=ModularArithmetic(p=7, train_fraction=0.6),
    model=OneLayerTransformer(d_model=8, n_heads=2, d_mlp=16, equals_token=False, causal=False),
    optimizer=AdamW(lr=1e-2),
    training=Training(steps=8),
)

Train = Callable[..., Run]


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Train a plan of small networks; keyword arguments replace parts of the config."""
    root = tmp_path_factory.mktemp("runs")

    def run(
        variants: tuple[Mapping[str, Any], ...] = (),
        seeds: int = 1,
        name: str = "small",
        **parts: Any,
    ) -> Run:
        return start_run(plan_seeds(name, replace(SMALL, **parts), variants, seeds), root)

    return run


@pytest.fixture(scope="session")
def two_kinds(train: Train) -> Run:
    """Two attention rates with two seeds each."""
    return train(({"model.attention_rate": 0.0}, {"model.attention_rate": 1.0}), seeds=2)


@pytest.fixture(scope="session")
def report(two_kinds: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the run with two kinds."""
    from grokscope.views import write_report

    return write_report(two_kinds, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="session")
def explained(train: Train) -> Run:
    """Two accurate networks, explained."""
    run = train(
        seeds=2,
        task=ModularArithmetic(p=13, train_fraction=1.0),
        model=EmbeddingMLP(d_model=32, d_hidden=64),
        optimizer=AdamW(lr=3e-3),
        training=Training(steps=400),
    )
    store_explanations(run, explain_run(run, range(2)))
    return run


@pytest.fixture(scope="session")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A monitor's run in which it is known what happened."""
    return planted(tmp_path_factory.mktemp("monitored"), tuple(range(0, 30_001, 2_000)))
