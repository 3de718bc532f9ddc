"""Where a run was made: versions, processor, threads, commit. Host and user names stay out."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path


def describe_environment() -> dict[str, object]:
    """What `env.json` holds: everything that may change a result, nothing that names a person."""
    return {
        "versions": {"python": platform.python_version(), **_package_versions()},
        "torch": _describe_torch(),
        "platform": platform.platform(),
        "cpu": {"model": _cpu_model(), "count": os.cpu_count()},
        "git": _describe_git(),
        "argv": list(sys.argv),
    }


def _package_versions() -> dict[str, str]:
    versions: dict[str, str] = {}
    for package in ("grokscope", "torch", "numpy", "duckdb", "safetensors"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _describe_torch() -> dict[str, object]:
    import torch

    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return {
        "build": f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU",
        "threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(index) for index in devices],
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def _describe_git() -> dict[str, object] | None:
    """The commit of the working directory, and whether tracked files differ from it."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git("--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": changes != ""}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
