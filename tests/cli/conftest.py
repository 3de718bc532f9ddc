"""Running the command: in this process where that is enough, in one of its own where it matters."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grokscope.cli.main import main

TINY = ("--p", "7", "--d-model", "8", "--n-heads", "2")


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The last line on stderr."""
        return self.err.strip().splitlines()[-1]


@pytest.fixture
def tiny() -> tuple[str, ...]:
    """Settings with which a recipe trains in no time."""
    return TINY


@pytest.fixture
def grokscope(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command in this process."""

    def call(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


def write_stub(run: Any, path: Path) -> Path:
    """Stands in for the report, which costs a second and has tests of its own."""
    path.write_text(run.id, encoding="utf-8")
    return path


@pytest.fixture
def stub_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no real report."""
    monkeypatch.setattr("grokscope.views.write_report", write_stub)


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start a command in a process of its own, in a folder."""

    def call(words: Sequence[str], folder: Path, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "grokscope", *words],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return call


@pytest.fixture
def spawn(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Said]:
    """Run a command in a process of its own to its end."""

    def call(words: Sequence[str], folder: Path, **variables: str) -> Said:
        process = start(words, folder, **variables)
        out, err = process.communicate(timeout=180)
        return Said(process.returncode, out, err)

    return call


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one finished run of two networks; never changed."""
    out = tmp_path_factory.mktemp("finished")
    words = ("run", "quick", *TINY, "--steps", "40", "--seeds", "2", "--out", str(out))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grokscope.views.write_report", write_stub)
        assert main(words) == 0
    return out
