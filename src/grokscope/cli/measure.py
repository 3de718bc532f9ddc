"""`grokscope measure`: one measure of a run's kept checkpoints."""

from grokscope.cli.commands import Measure
from grokscope.cli.run_name import open_trained
from grokscope.cli.screen import finite, new_table, say, stdout, write_json
from grokscope.cli.wording import count, whole
from grokscope.experiment import Run
from grokscope.measures.catalogue import find


def measure(command: Measure) -> int:
    """Print a row per network and kept step.

    Raises:
        UsageError: there is no such run, network or measure, or the task or model lacks something.
    """
    about = find(command.measure).about
    run = Run(open_trained(command.run, command.out))
    columns = run.measure(command.measure, command.network)
    names = list(columns)
    values = [column.tolist() for column in columns.values()]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    if command.json:
        write_json({"run": run.id, "measure": command.measure, "rows": rows})
        return 0
    console = stdout()
    shown = [name.removeprefix("measure/") for name in names]
    table = new_table(console, shown, right=shown)
    for row in rows:
        numbers = [_number(value) for value in list(row.values())[2:]]
        table.add_row(str(row["network"]), whole(row["step"]), *numbers)
    console.print(table)
    say(f"{count(len(rows), 'checkpoint')}: {about}; `grokscope list metrics` has the formulas")
    return 0


def _number(value: float) -> str:
    return "–" if finite(value) is None else f"{value:.4g}"
