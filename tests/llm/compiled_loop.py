"""A compiled training loop with a monitor, in a process of its own; prints JSON.

Run by `test_compile`: what checks types at run time in the tests cannot be traced.
"""

import json
import sys
import tempfile

import torch
from torch._dynamo.utils import counters

from llm.loops import monitored, train
from llm.small_olmoe import olmoe, probes


def main() -> None:
    """Probes, and training batches."""
    found = {}
    for name, own in {"probes": probes(count=3), "streaming": None}.items():
        torch._dynamo.reset()
        counters.clear()
        found[name] = loop(own, is_compiled=True) | {
            "breaks": len(counters["graph_break"]),
            "graphs": counters["stats"]["unique_graphs"],
        }
    found["uncompiled"] = loop(None, is_compiled=False)
    json.dump(found, sys.stdout)


def loop(own: object, *, is_compiled: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        model = olmoe(num_hidden_layers=1).train()
        monitor = monitored(model, own, folder, every=3, recent=4)
        train(torch.compile(model, backend="eager") if is_compiled else model, 9, monitor)
        monitor.finish()
        return {
            "steps": monitor.run.steps,
            "problems": [p for m in monitor.measurements for p in m.problems],
            "weights": monitor.run.pathways(9).weights.tolist(),
        }


if __name__ == "__main__":
    main()
