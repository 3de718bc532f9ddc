"""A compiled model under a tap against the same model run eagerly; prints one line of JSON.

Usage: python compiled.py BACKEND FAMILY [none|reentrant|other]
"""

import json
import sys

import numpy as np
import torch
from torch._dynamo.utils import counters

from grokscope.llm.recording import Recording
from grokscope.llm.tap import RouterTap
from llm.families import D_VOCAB, FAMILIES, checkpoint

IDS = torch.randint(3, D_VOCAB, (4, 6), generator=torch.Generator().manual_seed(2))


def trained(tap: RouterTap, model: torch.nn.Module) -> Recording:
    with tap.record(attention_mask=torch.ones_like(IDS)) as recording:
        model(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
    return recording


def main(backend: str, name: str, checkpointing: str = "none") -> None:
    model = next(family for family in FAMILIES if family.name == name).make().train()
    tap = RouterTap(model)
    eager = trained(tap, model).pathways()
    if checkpointing != "none":
        checkpoint(model, is_reentrant=checkpointing == "reentrant")
    compiled = torch.compile(model, backend=backend)
    # more than one recording: what is new about the second must not be compiled again
    recordings = [trained(tap, compiled) for _ in range(3)]
    found = [recording.pathways() for recording in recordings]
    assert all(np.array_equal(one.tokens, eager.tokens) for one in found)
    said = {
        "breaks": dict(counters["graph_break"]),
        "graphs": counters["stats"]["unique_graphs"],
        "difference": max(float(np.abs(one.weights - eager.weights).max()) for one in found),
        "problems": [problem for recording in recordings for problem in recording.problems],
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
