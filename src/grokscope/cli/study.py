"""`grokscope study`: run what is left of a study, answer its questions."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from grokscope.cli.command import STUDIES
from grokscope.cli.screen import new_table, say, stdout, write_json
from grokscope.cli.study_command import Study as Request
from grokscope.cli.wording import count, duration
from grokscope.core.errors import InterruptedRunError, SettingError, UsageError
from grokscope.experiment.interruption import stop_on_signal

if TYPE_CHECKING:
    from grokscope.recipes.olmoe_mini.questions import Answer
    from grokscope.statistics.interval import Interval

STUDY = "olmoe-mini"
MINUTES = {"cpu": 10, "gpu": 30}
"""Of one piece: measured on a core of two, and estimated for an H100."""


def study(request: Request) -> int:
    """Run and print; the exit code is 0 whatever the answers.

    Raises:
        UsageError: there is no such study, or the folder has runs of other settings.
        SettingError: there is no such form, or fewer than one worker.
        InterruptedRunError: it was stopped, and goes on with the same command.
    """
    from grokscope.recipes.olmoe_mini.form import form_of
    from grokscope.recipes.olmoe_mini.study import Study

    if request.study != STUDY:
        raise UsageError(f"There is no study {request.study!r}. There is {STUDY}.")
    if request.workers < 1:
        raise SettingError("workers", "at least 1", request.workers)
    own = Study(form=form_of(request.form), out=request.out / f"{STUDY}-{request.form}")
    left = own.left()
    seconds = 60.0 * MINUTES[request.form] * -(-len(left) // request.workers)
    say(
        f"{own.out}: {count(len(own.form.runs) - len(left), 'run')} done, {len(left)} left, "
        f"about {duration(seconds)} with {count(request.workers, 'worker')}"
    )
    if request.dry_run:
        say("nothing was run (--dry-run)")
        return 0
    with stop_on_signal() as stop:
        try:
            own.run(request.workers, say, lambda: stop.requested)
        except InterruptedRunError as error:
            again = f"Go on with `{_command(request)}`."
            raise InterruptedRunError(f"{error.message} {again}") from error
    found = own.answers()
    if request.json:
        write_json({"study": STUDY, "form": request.form, "answers": [asdict(a) for a in found]})
    else:
        _print(found)
    return 0


def _command(request: Request) -> str:
    words = ["grokscope", "study", request.study, "--form", request.form]
    words += ["--workers", str(request.workers)] if request.workers != 1 else []
    words += ["--out", str(request.out)] if request.out != STUDIES else []
    return shlex.join(words)


def _print(found: "list[Answer]") -> None:
    console = stdout()
    table = new_table(
        console, ("question", "about", "answer", "estimate", "seeds"), right=("estimate", "seeds")
    )
    for one in found:
        words = interval_words(one.estimate)
        table.add_row(one.question, one.about, one.verdict, words, str(one.seeds))
    console.print(table)


def interval_words(own: "Interval") -> str:
    """An estimate with its interval over seeds, `–` where there is none."""
    if own.value is None:
        return "–"
    sign = own.sign if own.sign != "=" else ""
    if own.low is None and own.high is None:
        return f"{sign}{own.value:.3g}"
    low = "–" if own.low is None else f"{own.low:.3g}"
    high = "–" if own.high is None else f"{own.high:.3g}"
    return f"{sign}{own.value:.3g} [{low}, {high}]"
