"""A prepared run, and a disk that fails at a chosen moment."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from faults.disk import FailingDisk
from grokscope.store import RunDirectory, durable
from grokscope.store import run as run_module


@pytest.fixture
def disk(monkeypatch) -> FailingDisk:
    return FailingDisk(monkeypatch)


@pytest.fixture(autouse=True)
def quick_environment(monkeypatch):
    """Describing the machine starts `git`; only one test is about that."""
    monkeypatch.setattr(run_module, "describe_environment", lambda: {"versions": {}})


def columns(step: int, networks: int = 3) -> dict[str, np.ndarray]:
    noise = np.random.default_rng(step)
    return {
        "network": np.arange(networks),
        "step": np.full(networks, step),
        "train/acc": noise.random(networks).astype(np.float32),
        "fourier/spectrum_W_E": noise.random((networks, 4)).astype(np.float32),
    }


def groups(value: float = 1.0) -> dict[str, dict[str, torch.Tensor]]:
    return {
        "model": {"W_E": torch.full((2, 3), value)},
        "optim": {"W_E/exp_avg": torch.zeros(2, 3), "step": torch.tensor(7)},
        "rng": {"cpu": torch.arange(16, dtype=torch.uint8)},
    }


def facts(step: int) -> dict[str, object]:
    return {"step": step, "networks": [0, 1, 2]}


def build_run(root: Path) -> RunDirectory:
    run = RunDirectory.create(root, "quick", {"task": {"p": 7}, "seeds": [0, 1]})
    run.write_splits({"train": torch.arange(4)})
    run.add_segment(columns(0))
    run.append_events([{"event": "started"}])
    run.save_checkpoint("step-00000000", groups(0.0), facts(0))
    run.save_resume_point(groups(0.0), facts(0))
    run.add_segment(columns(10))
    run.save_checkpoint("step-00000010", groups(1.0), facts(10))
    run.write_summary([{"index": 0, "label": "memorization"}])
    run.write_progress({"network": np.arange(3), "step": np.full(3, 10), "x": np.ones(3)})
    run.save_resume_point(groups(1.0), facts(10))
    return run


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """The folder of one finished run, to be copied and not to be changed."""
    root = tmp_path_factory.mktemp("prepared") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "describe_environment", lambda: {"versions": {}})
        return build_run(root).path


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> RunDirectory:
    return copy_of(prepared, tmp_path / "runs")


def copy_of(prepared: Path, root: Path) -> RunDirectory:
    shutil.copytree(prepared, root / prepared.name)
    return RunDirectory.open(root / prepared.name)


@pytest.fixture
def make():
    """The builders of this file, for tests that need more than the prepared run."""

    class Make:
        columns = staticmethod(columns)
        groups = staticmethod(groups)
        facts = staticmethod(facts)
        build_run = staticmethod(build_run)
        copy_of = staticmethod(copy_of)
        temporary_prefix = durable.TEMPORARY_PREFIX

    return Make
