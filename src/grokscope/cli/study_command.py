"""The subcommand of studies and its arguments."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from grokscope.cli.command import STUDIES, Json


@dataclass(frozen=True, kw_only=True)
class Study:
    """Pretrain small mixture-of-experts models with the monitor on, and test what is claimed.

    There is one study, olmoe-mini: an OLMoE of a million parameters on four domains, with controls.
    What is done already is not run again, and what was stopped is gone on with by the same command.
    """

    study: Annotated[Positional[str], arg(metavar="[STUDY]")] = "olmoe-mini"
    """Its name."""
    form: Annotated[str, arg(metavar="cpu|gpu")] = "cpu"
    """cpu (half an hour on two cores) or gpu (ten times the parameters and tokens, hours)."""
    workers: Annotated[int, arg(metavar="N")] = 1
    """Runs at the same time, a core each."""
    out: Annotated[Path, arg(metavar="DIR")] = STUDIES
    """The folder of studies."""
    dry_run: Json = False
    """Say what is left and how long it takes, but run nothing."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Run, answer, print."""
        from grokscope.cli.study import study

        return study(self)
