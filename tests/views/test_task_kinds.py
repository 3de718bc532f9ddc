"""Reports of runs on real targets, real inputs and rows out of the distribution."""

import re
from pathlib import Path

import pytest

from grokscope.engine import AdamW, MeanSquare
from grokscope.experiment import Run, Training
from grokscope.experiment.quantities import Quantities
from grokscope.models import CausalDecoder, DenseMLP, DiagonalLinear
from grokscope.tasks import Digits, FactComposition, LinearClassification, TeacherStudent
from grokscope.views import render_report, training_figure
from grokscope.views.group import groups_of
from grokscope.views.number_table import number_table

KINDS = {
    "real targets": {
        "task": TeacherStudent(n_rows=60, d_hidden=8),
        "model": DenseMLP(d_hidden=8),
        "loss": MeanSquare(),
    },
    "real inputs": {
        "task": LinearClassification(d=12, n_rows=80),
        "model": DiagonalLinear(),
    },
    "images": {"task": Digits(train_fraction=0.1), "model": DenseMLP(d_hidden=8)},
    "out of the distribution": {
        "task": FactComposition(entities=12, relations=6, out_degree=3, phi=1.0, ood_share=0.3),
        "model": CausalDecoder(d_model=8, n_heads=2, n_layers=1),
    },
}


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, train) -> Run:
    return train(
        **KINDS[request.param], optimizer=AdamW(lr=1e-2), training=Training(steps=6), seeds=2
    )


def test_a_report_says_what_was_trained_on_and_what_is_drawn(run: Run):
    page = re.sub(r"<script.*?</script>", "", render_report(run), flags=re.DOTALL)
    split = run.directory.splits()
    names, (group,) = Quantities.of(run.plan), groups_of(run.plan, run.networks)
    assert f"({len(split['0/train']):,})" in page
    figure = training_figure(run.curves, group, names=names)
    titles = [axis.title.text for axis in figure.select_yaxes()]
    has_targets = isinstance(run.plan.base.task, TeacherStudent)
    assert titles == (
        ["1 − L/L₀", "mean squared error, log scale"]
        if has_targets
        else ["accuracy", "cross-entropy (nats), log scale"]
    )
    assert ("(1 − L/L₀)" in page) == has_targets
    table = number_table(run.curves, group, names)
    assert f"train {names.score}" in table.head
    drawn = {trace.name for trace in figure.data}
    has_ood = "0/ood" in split
    assert ("rows out of the distribution" in drawn) == has_ood
    assert ("out-of-distribution accuracy" in table.head) == has_ood
    assert (f"with {len(split.get('0/ood', ()))} out of the distribution" in page) == has_ood
    assert ("test_acc_ood" in run.networks[0]) == has_ood


def test_show_names_the_score_and_the_rows(run: Run, capsys: pytest.CaptureFixture[str]):
    from grokscope.cli.main import main

    root: Path = run.path.parent
    assert main(["show", run.id, "--out", str(root)]) == 0
    shown = capsys.readouterr().out
    has_targets = isinstance(run.plan.base.task, TeacherStudent)
    assert ("test 1 − L/L₀" in shown) == has_targets
    assert ("on rows out of the distribution" in shown) == ("0/ood" in run.directory.splits())
