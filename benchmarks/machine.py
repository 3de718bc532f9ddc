"""What the numbers depend on: the machine, the libraries, and the commit."""

import os
import platform
import subprocess
from pathlib import Path

import torch

from benchmarks.worker import Place

Facts = dict[str, object]


def facts(place: Place) -> Facts:
    """The machine as it is now."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": place.threads or torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "device": place.device,
        "commit": commit(),
    }


def commit() -> str:
    """Short name of the commit that is checked out, `dirty` behind it if files differ."""
    name = _git("rev-parse", "--short", "HEAD")
    if not name:
        return "unknown"
    return f"{name} dirty" if _git("status", "--porcelain", "--untracked-files=no") else name


def _git(*words: str) -> str:
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
