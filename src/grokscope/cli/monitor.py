"""`grokscope monitor`: the pathways of a language model at its checkpoints."""

import re
import shlex
from typing import TYPE_CHECKING, Any

from grokscope.cli.monitor_command import Monitor
from grokscope.cli.monitor_results import (
    MOST_STEPS,
    alert_rows,
    measured_rows,
    monitor_document,
    over_steps,
    size_words,
)
from grokscope.cli.run_name import out_option, run_words
from grokscope.cli.screen import say, stdout, write_json
from grokscope.cli.wording import count, duration, whole
from grokscope.core.errors import InterruptedRunError, UsageError
from grokscope.core.settings import require_at_least
from grokscope.experiment.interruption import stop_on_signal
from grokscope.llm.checkpoint_model import (
    Shape,
    quietly,
    require_one_tokenizer,
    require_tokenizer_fits,
    shape_of,
    tokenizer_of,
)
from grokscope.llm.checkpoint_name import Checkpoint, find_checkpoints, find_place, is_pickled
from grokscope.llm.measurement import Measuring
from grokscope.llm.offline import Looked, OfflineSettings, Watching, monitor_checkpoints
from grokscope.llm.probe_file import has_text, read_probes
from grokscope.llm.reading import require_vocabulary

if TYPE_CHECKING:
    from grokscope.llm.monitor_run import MonitorRun
    from grokscope.llm.probe import ProbeSet

_TOLD = {"loss": "loss", "distance_normalized": "normalised distance", "path_length": "length"}


def monitor(request: Monitor) -> int:
    """Check everything, measure what has not been measured, print; the exit code.

    Raises:
        UsageError: checkpoints, data or tokenizer cannot be meant, or do not fit together.
        SettingError: a value breaks its rule.
        InterruptedRunError: stopped on request; the same command goes on.
        GrokscopeError: a checkpoint cannot be had or loaded.
    """
    settings = _settings(request)
    checkpoints = find_checkpoints(request.checkpoints)
    shape = shape_of(checkpoints, settings.modules)
    probes = _probes(request, checkpoints, shape)
    require_vocabulary(shape.model, probes)
    _say_plan(checkpoints, probes, shape)
    if request.dry_run:
        return _dry(checkpoints, probes, shape, request)
    with stop_on_signal() as stop:
        watching = Watching(told=_tell, stops=lambda: stop.requested)
        try:
            run = monitor_checkpoints(checkpoints, probes, settings, watching)
        except InterruptedRunError as error:
            raise InterruptedRunError(f"{error.message} Go on with the same command.") from error
    _print(run, request)
    return 0


def _settings(request: Monitor) -> OfflineSettings:
    require_at_least(0, request, "eps")
    if request.modules is not None:
        try:
            re.compile(request.modules)
        except re.error as error:
            raise UsageError(
                f"`--modules` must be a regular expression, got {request.modules!r}: {error}."
            ) from error
    return OfflineSettings(
        out=request.out,
        name=request.name,
        measuring=Measuring(threshold=request.threshold, pairs=request.pairs, eps=request.eps),
        modules=request.modules,
        batch=request.batch,
    )


def _probes(request: Monitor, checkpoints: list[Checkpoint], shape: Shape) -> "ProbeSet":
    if request.data is None:
        raise UsageError("Which samples? Name a file of JSON lines: `--data probes.jsonl`.")
    tokenizer: Any = None
    if has_text(request.data):
        if request.tokenizer is None:
            require_one_tokenizer(checkpoints)
        given = request.tokenizer
        tokenizer = tokenizer_of(checkpoints[0].place if given is None else find_place(given))
        require_tokenizer_fits(tokenizer, shape)
    with quietly():
        file = read_probes(request.data, tokenizer, request.max_length)
    if file.truncated:
        cut = count(file.truncated, "sample")
        say(f"{request.data}: {cut} cut to {request.max_length:,} tokens (--max-length)")
    return file.probes


def _say_plan(checkpoints: list[Checkpoint], probes: "ProbeSet", shape: Shape) -> None:
    first, last = checkpoints[0].step, checkpoints[-1].step
    steps = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
    groups = ", ".join(f"{name} {len(rows):,}" for name, rows in probes.groups.items())
    size = size_words({"layers": shape.routers, "experts": shape.routers[0].experts})
    say(f"{count(len(checkpoints), 'checkpoint')}, {steps}; {size}")
    say(f"{count(len(probes), 'probe')}: {groups}")
    pickled = [c for c in checkpoints if c.place.path is not None and is_pickled(c.place.path)]
    if pickled:
        say(
            f"{pickled[0].place.name} has pickled weights, of which only tensors are loaded; "
            "safetensors are safer and quicker"
        )


def _dry(checkpoints: list[Checkpoint], probes: "ProbeSet", shape: Shape, request: Monitor) -> int:
    if request.json:
        write_json(
            {
                "checkpoints": [
                    {"name": one.place.name, "step": one.step, "tokens": one.tokens}
                    for one in checkpoints
                ],
                "layers": [router.name for router in shape.routers],
                "experts": shape.routers[0].experts,
                "groups": {name: len(rows) for name, rows in probes.groups.items()},
            }
        )
    say("nothing was measured (--dry-run)")
    return 0


def _tell(looked: Looked) -> None:
    """A line for each checkpoint, with the numbers of its first group, and its alerts."""
    group, panel = next(iter(looked.measurement.groups.items()))
    numbers = [f"{word} {panel.scalars[name]:.3f}" for name, word in _TOLD.items()]
    say(
        f"step {whole(looked.checkpoint.step)} ({looked.done} of {looked.total}) in "
        f"{duration(looked.seconds)}: {group} {', '.join(numbers)}"
    )
    for alert in looked.alerts:
        say(f"  alert: {alert.message}")


def _print(run: "MonitorRun", request: Monitor) -> None:
    if request.json:
        write_json(monitor_document(run))
        return
    console = stdout()
    rows = measured_rows(run)
    console.print(over_steps(console, rows))
    for alert in alert_rows(run):
        console.print(f"step {alert['step']:,}: {alert['message']}", markup=False, soft_wrap=True)
    if len(run.steps) > MOST_STEPS:
        say(f"{MOST_STEPS} of {len(run.steps):,} steps are shown; `--json` has all of them")
    name = run_words(run.directory, request.out)
    say(f"run   {run.path}")
    say(f"next: grokscope report {name}")
    say(f"      grokscope show {name}")
    column = f"moe/{next(iter(run.header['groups']))}/distance_normalized"
    sql = f"SELECT step, \"{column}\" FROM curves WHERE run_id = '{run.directory.id}' ORDER BY step"
    say(f"      grokscope query {shlex.quote(sql)}{out_option(request.out)}")
