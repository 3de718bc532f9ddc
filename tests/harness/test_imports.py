"""Training and benchmarks run where there is torch, numpy and jaxtyping, such as on a GPU machine.

Figures are the exception: what draws them is imported when something is drawn.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    *("benchmarks", "grokscope.engine", "grokscope.models"),
    *("grokscope.tasks", "grokscope.measures", "grokscope.statistics"),
    *("grokscope.experiment", "grokscope.recipes"),
)
BLOCKED = (
    *("duckdb", "tyro", "rich", "plotly", "jinja2", "safetensors", "tomli_w"),
    *("playwright", "dash", "sklearn", "scipy", "pandas"),
)
PROGRAM = """
import importlib, pkgutil, sys

sys.modules.update(dict.fromkeys({blocked!r}))
for name in {packages!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(module.name)
"""


def import_without(*blocked: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(blocked=blocked, packages=PACKAGES)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_training_and_benchmarks_need_torch_numpy_and_jaxtyping_only():
    process = import_without(*BLOCKED)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("needed", ["jaxtyping"])
def test_a_blocked_library_that_is_imported_does_fail(needed: str):
    process = import_without(*BLOCKED, needed)
    assert process.returncode != 0
    assert f"import of {needed} halted" in process.stderr
