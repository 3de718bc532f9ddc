"""The subcommand that monitors checkpoints, and its arguments."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from grokscope.cli.command import RUNS, Folder, Json


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """Measure the pathways of a mixture-of-experts language model at its checkpoints.

    A checkpoint is a directory with `config.json` and weights, or a revision on the hub:
    `grokscope monitor out/checkpoint-* --data probes.jsonl`, or org/name@step5000-tokens20B. Steps
    are read from the names. Each line of the data is a JSON object: {"text": "…", "domain": "math",
    "role": "seen", "exposed": [500]}, or with "prompt" and "answer", or with "input_ids". The same
    command goes on after whatever stopped it, and takes up checkpoints that came since.
    """

    checkpoints: Annotated[
        Positional[tuple[str, ...]], arg(metavar="CHECKPOINT ...", help_behavior_hint="")
    ] = ()
    """Directories, or org/name@revision."""
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """JSON lines with the samples that every checkpoint reads; needed."""
    tokenizer: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """A directory or a model on the hub; that of the first checkpoint unless given."""
    max_length: Annotated[int, arg(metavar="N")] = 1_024
    """Tokens of a sample; what is longer loses its end."""
    modules: Annotated[str | None, arg(metavar="REGEX", help_behavior_hint="")] = None
    """Names of the modules that are routers, where transformers does not record them."""
    threshold: Annotated[float, arg(metavar="X")] = 0.7
    """Cumulative weight of the experts that a pathway keeps."""
    pairs: Annotated[int, arg(metavar="N")] = 2_000
    """Pairs of samples that are compared in each group."""
    eps: Annotated[float | None, arg(metavar="X", help_behavior_hint="")] = None
    """Loss in nats below which a steady sample is memorised; nothing is called so unless given."""
    batch: Annotated[int, arg(metavar="N")] = 64
    """Samples in a forward."""
    name: Annotated[str, arg(metavar="NAME")] = "monitor"
    """Of the run; another name is another run."""
    out: Folder = RUNS
    """The folder of all runs."""
    dry_run: Json = False
    """Check everything, but load no weights."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Check, measure, print."""
        from grokscope.cli.monitor import monitor

        return monitor(self)
