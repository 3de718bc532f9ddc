"""The published analysis on a run whose dates are known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grokscope.core.errors import UsageError
from grokscope.llm.local_grokking import local_grokking
from grokscope.llm.measurement import History, Measuring
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.panel import Experts
from grokscope.llm.pathways import Pathways
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.llm.reading import Reading

STEPS = [0, 10, 20, 40, 80, 160, 320, 640]
SAMPLES = 12
READ = (5, 300)  # the second half is read late, though it is easy from the start


def planted(out: Path) -> MonitorRun:
    """Six samples learned at 20, six that were easy before they were read; tests at 160 and 640."""
    probes = [
        Probe(domain="sums", tokens=(3, 4, 5), exposed=(READ[i // 6],)) for i in range(SAMPLES)
    ]
    probes += [
        Probe(domain="sums", tokens=(3, 4, 5), role="test", answer=2, exposed=())
        for _ in range(SAMPLES)
    ]
    own = ProbeSet(tuple(probes))
    header = {
        "model": "planted",
        "layers": ["a", "b"],
        "experts": 4,
        "scoring": ["softmax", "softmax"],
        "groups": {name: len(rows) for name, rows in own.groups.items()},
    }
    run = MonitorRun.create(out, "planted", header, own)
    history = History(probes=own, settings=Measuring(pairs=10))
    weights = torch.rand(2, len(own), 4, generator=torch.Generator().manual_seed(0))
    pathways = Pathways(
        weights=(weights / weights.sum(-1, keepdim=True)).numpy(),
        tokens=np.full(len(own), 3),
        layers=("a", "b"),
    )
    for step in STEPS:
        learned = np.where(step >= 20, 0.05, 4.0)
        loss = np.r_[np.full(6, learned), np.full(6, 0.06), np.full(SAMPLES, 1.0)]
        right = np.r_[np.full(6, step >= 160), np.full(5, step >= 640), False]
        reading = Reading(
            pathways=pathways,
            loss=loss.astype(np.float32),
            correct=np.r_[np.full(SAMPLES, np.nan), right].astype(np.float32),
            problems=(),
            seconds=0.0,
        )
        run.add(history.add(step, reading, Experts(rows=None, gain=None, top_k=2)), reading, [])
    run.finish()
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> MonitorRun:
    return planted(tmp_path_factory.mktemp("planted"))


TEXTS = [*["one and two"] * 6, *["cats and dogs"] * 6] * 2


def test_groups_are_paired_by_likeness_and_lag_as_planted(run: MonitorRun):
    found = local_grokking(run, "sums", TEXTS)
    assert found.samples == SAMPLES
    assert found.unanswered == 1
    pairs = {pair.memorized: pair for pair in found.pairs}
    early = pairs[min(pairs)]
    assert (early.samples, early.items) == (6, 6)
    assert early.cosine == pytest.approx(1, abs=1e-6)
    assert early.lag.steps.value == 160 - 20
    assert early.lag.log_steps.value == pytest.approx(np.log(8))
    late = pairs[max(pairs)]
    assert (late.samples, late.items) == (6, 5)
    assert late.lag.steps.value == 640 - 320


def test_a_sample_is_not_memorised_before_it_was_read(run: MonitorRun):
    """The published rule has the easy ones memorised from the start."""
    assert local_grokking(run, "sums", TEXTS).unread == 6


def test_a_domain_without_tests_is_refused(run: MonitorRun):
    with pytest.raises(UsageError, match="no seen samples or no tests of 'prose'"):
        local_grokking(run, "prose", TEXTS)
