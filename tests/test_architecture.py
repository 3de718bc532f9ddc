"""What importing costs and what the numerical layers can do without.

That imports point downwards is import-linter's part (scripts/check).
"""

import re
import subprocess
import sys

LONGEST_IMPORT = 0.2  # seconds, torch not counted
HEAVY = ("torch", "duckdb", "plotly", "tyro")
NUMERICAL_LAYERS = ("core", "algebra", "tasks", "models", "engine", "measures")
NOT_FOR_NUMBERS = (
    *("duckdb", "tyro", "rich", "plotly", "jinja2", "safetensors", "tomli_w", "scipy"),
    *("dash", "ray", "sklearn", "transformers"),
)

BLOCKED_IMPORT = """
import importlib, pkgutil, sys
from importlib.abc import MetaPathFinder

class Refusal(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(name + " is not for the numerical layers")

sys.meta_path.insert(0, Refusal())
for layer in {layers!r}:
    package = importlib.import_module("grokscope." + layer)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def import_seconds() -> float:
    """Cumulative import time of `grokscope` less that of torch where grokscope imports it."""
    process = python("-X", "importtime", "-c", "import grokscope")
    assert process.returncode == 0, process.stderr
    rows = re.findall(r"\|\s+(\d+) \| +(\S+)$", process.stderr, flags=re.MULTILINE)
    microseconds = {name: int(cumulative) for cumulative, name in rows}
    return (microseconds["grokscope"] - microseconds.get("torch", 0)) / 1e6


def test_importing_grokscope_takes_less_than_a_fifth_of_a_second():
    # The best of three: other processes can only make it slower.
    assert min(import_seconds() for _ in range(3)) < LONGEST_IMPORT


def test_importing_grokscope_leaves_heavy_libraries_alone():
    process = python(
        "-c", f"import sys, grokscope; print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert process.stdout.strip() == "[]", process.stderr


def test_the_numerical_layers_need_torch_numpy_and_jaxtyping_only():
    program = BLOCKED_IMPORT.format(blocked=set(NOT_FOR_NUMBERS), layers=NUMERICAL_LAYERS)
    process = python("-c", program)
    assert process.returncode == 0, process.stderr
