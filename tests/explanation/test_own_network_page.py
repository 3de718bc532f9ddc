"""The page on foreign networks: its example runs as it stands."""

import re
from pathlib import Path
from typing import Any

import torch

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explaining-your-own-network.md"


def test_its_python_blocks_run_one_after_another():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "page"}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    assert names["explanation"].verdict == "not_accurate"
    assert names["trace"].logits.shape == (59 * 59, 59)
    assert names["trace"].pre["mlp.0"].shape == (59 * 59, 3, 256)
    assert names["trace"].patterns["pattern"].shape == (59 * 59, 1, 3, 3)
