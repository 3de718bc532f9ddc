"""The report of a run: one HTML file that needs nothing else and asks nothing of the network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grokscope.experiment import Run
from grokscope.experiment.quantities import Quantities
from grokscope.experiment.trainer import make_splits
from grokscope.tasks import Table
from grokscope.views import definition, gallery, headline, network_table, reproduction
from grokscope.views.band import band_words
from grokscope.views.group import Group, groups_of
from grokscope.views.learned import learned
from grokscope.views.number_table import number_table
from grokscope.views.page import render_page, write_page
from grokscope.views.profile_figure import FORMS
from grokscope.views.progress_figure import panels_with_data
from grokscope.views.theme import GROUP_COLOURS


def write_report(run: Run, path: Path | None = None) -> Path:
    """Write the report of a run as one self-contained HTML file.

    An unfinished run gives a report of what there is. The file appears complete or not at all.

    Args:
        run: a run in any state.
        path: the file to write, `report.html` in the run by default; an existing one is replaced.

    Returns:
        The path.

    Raises:
        DiskError: the file cannot be written.
        VerificationError: a file of the run is damaged.
    """
    return write_page(render_report(run), path or run.path / "report.html")


def render_report(run: Run) -> str:
    """The report as HTML."""
    content = _content(run) | {"link_of": definition.source_link}
    return render_page("report.html.j2", content)


def _content(run: Run) -> dict[str, Any]:
    curves, progress, rows = run.curves, run.progress, run.networks
    groups, table = groups_of(run.plan, rows), run.plan.base.task.table()
    drawn, names = groups[: len(GROUP_COLOURS)], Quantities.of(run.plan, table)
    return {
        **_heading(run, groups, table),
        **_pictures(run, drawn, curves, progress),
        "training": gallery.training_pictures(curves, drawn, names),
        "score": names.score,
        "numbers": [number_table(curves, group, names) for group in drawn],
        "learned": learned(run),
        "forms": FORMS,
        "groups": network_table.group_lines(groups),
        "networks": network_table.network_lines(groups),
        "groups_left_out": len(groups) - len(drawn),
        "settings": reproduction.settings_table(run.plan),
        "environment": definition.flat_environment(run.directory.env),
        "command": reproduction.command_line(run.plan),
        "python": reproduction.python_call(run.plan),
        "definitions": definition.definitions(rows[0]["label_thresholds"] if rows else None),
        "glossary": definition.glossary({*curves, *progress}),
    }


def _heading(run: Run, groups: Sequence[Group], table: Table) -> dict[str, Any]:
    plan, status = run.plan, run.directory.status
    base = plan.base
    return {
        "run_id": run.id,
        "recipe": plan.recipe,
        "task": base.task.name,
        "created": str(status.get("created", "")).replace("T", " ")[:16],
        "state": run.state,
        "state_sentence": headline.state_sentence(run),
        "origin_sentence": plan.origin.sentence if plan.origin else None,
        "verdict": headline.verdict(run.networks),
        "trained": _trained(run, groups, table),
        "bands": band_words(max(len(group.networks) for group in groups)),
        "n_networks": len(plan.networks),
        "definition": run.networks[0]["label_thresholds"]["version"] if run.networks else None,
        "has_group": table.cyclic is not None,
        "table_of": table.group.name if table.group else "",
        "by_logarithm": table.cyclic is not None and table.cyclic.order != table.d_vocab,
        "order": table.cyclic.order if table.cyclic else 0,
    }


def _trained(run: Run, groups: Sequence[Group], table: Table) -> str:
    base = run.plan.base
    count = len(run.plan.networks)
    plural = "s" if count > 1 else ""
    names = list(dict.fromkeys(run.plan.networks[g.networks[0]].model.name for g in groups))
    listed = f" ({'; '.join(names)})" if len(names) <= 3 else ""
    kinds = f" of {len(groups)} kinds{listed}" if len(groups) > 1 else listed
    return (
        f"{count} network{plural}{kinds} on {base.task.name}, trained on {_rows(run, table)} for "
        f"at most {base.training.steps:,} steps"
    )


def _rows(run: Run, table: Table) -> str:
    """Such as `40 % of 3,481 rows (1,392)`."""
    splits, total = make_splits(run.plan, table), len(table.labels)
    counts = [len(split.train) for split in splits]
    fewest, most = min(counts), max(counts)
    if fewest == most:
        said = f"{100 * most / total:.3g} % of {total:,} rows ({most:,})"
    else:
        said = f"{fewest:,} to {most:,} of {total:,} rows"
    ood = len(splits[0].ood)
    return f"{said}, with {ood:,} out of the distribution," if ood else said


def _pictures(
    run: Run, groups: Sequence[Group], curves: Mapping[str, Any], progress: Mapping[str, Any]
) -> dict[str, Any]:
    spectra = [(gallery.spectrum_picture(curves, g, g.representative), g) for g in groups]
    portraits = [gallery.network_portrait(run, g) for g in groups[: gallery.PORTRAITS]]
    return {
        "progress": gallery.progress_picture(curves, progress, groups),
        "panels": panels_with_data(curves, progress),
        "spectra": [(p, gallery.chosen_words(g)) for p, g in spectra if p is not None],
        "other_spectra": gallery.other_spectra(curves, groups),
        "portraits": [portrait for portrait in portraits if portrait is not None],
        "portraits_left_out": max(0, len(groups) - gallery.PORTRAITS),
    }
