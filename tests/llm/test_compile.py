"""A compiled training loop: the tap breaks no graph, and measurements compile nothing again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def loops():
    program = "from llm.compiled_loop import main; main()"
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=TESTS, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


# in streaming one graph records and one does not
@pytest.mark.parametrize(("what", "graphs"), [("probes", 1), ("streaming", 2)])
def test_the_step_is_one_graph_and_compiled_once(what, graphs, loops):
    found = loops[what]
    assert found["steps"] == [3, 6, 9]
    assert found["problems"] == []
    assert found["breaks"] == 0
    assert found["graphs"] == graphs


def test_what_is_measured_is_what_runs_uncompiled(loops):
    found, expected = (np.array(loops[name]["weights"]) for name in ("streaming", "uncompiled"))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
