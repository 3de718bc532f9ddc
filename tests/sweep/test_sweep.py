"""A sweep from plan to results: nothing is trained twice, and each run is what it is alone."""

import json
import shutil

import numpy as np
import pytest
import torch

import grokscope as gs
from grokscope.core.errors import GrokscopeError, UsageError, VerificationError
from grokscope.experiment import Plan, load, start_run
from grokscope.store import query
from grokscope.sweep import Results, Sweep, Worker, find_sweep, plan_sweep
from grokscope.sweep.cost import cost_of
from grokscope.sweep.start import extend, mend, new_shapes, open_shapes, standing
from sweep.conftest import OVER, TINY, finished, started, tiny_plan


def test_every_run_is_published_once_and_is_what_it_is_alone(done):
    planned = tiny_plan().runs()
    results = Results(done).all
    assert sorted(result.id for result in results) == sorted(run.id for run in planned)
    assert standing(done).is_complete
    assert not list(done.work.iterdir())


def test_a_cohort_is_the_run_of_its_networks(done, tmp_path):
    cohort = done.cohorts()[0]
    plan = cohort.plan("quick-mlp", done.header.base)
    alone = start_run(Plan(recipe=plan.recipe, networks=plan.networks), tmp_path)
    kept = load(done.runs / cohort.id)
    assert not list((kept.path / "resume").iterdir())
    for network in range(len(cohort.members)):
        for name, value in alone.weights(network).items():
            assert torch.equal(value, kept.weights(network)[name])
    assert kept.curves["test/acc"].tolist() == alone.curves["test/acc"].tolist()


def test_python_has_it_in_one_call(done, tmp_path):
    results = gs.run_sweep(tiny_plan(), tmp_path, threads=1)
    assert {result.id: result.label for result in results.all} == {
        result.id: result.label for result in Results(done).all
    }


def test_both_ledgers_lead_to_the_same_runs(done, tmp_path):
    other = finished(tmp_path, ledger="files")
    assert other.header.ledger == "files"
    assert [c.id for c in other.cohorts()] == [c.id for c in done.cohorts()]
    for ours, theirs in zip(Results(done).all, Results(other).all, strict=True):
        assert ours == theirs


def test_the_same_again_trains_nothing(tmp_path):
    sweep = finished(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in sweep.runs.rglob("*")}
    again = Worker(sweep=started(tmp_path))
    again.work()
    assert again.trained == []
    assert {path: path.stat().st_mtime_ns for path in sweep.runs.rglob("*")} == before


def test_more_seeds_and_more_points_train_what_is_new_only(tmp_path):
    first = {result.id for result in Results(finished(tmp_path)).all}
    plan = tiny_plan(seeds=3)
    sweep = Sweep.create(tmp_path, plan, threads=1)
    assert extend(sweep, plan) == 4
    more = plan_sweep("quick-mlp", OVER | {"weight_decay": "0.1,1,3"}, settings=TINY, name="tiny")
    assert extend(sweep, more) == 2
    worker = Worker(sweep=sweep)
    worker.work()
    found = [result.id for result in Results(sweep).all]
    assert len(found) == len(set(found)) == 14
    assert first < set(found)
    assert len(worker.trained) == len(sweep.cohorts()) - 4


def test_a_sweep_of_something_else_does_not_take_the_name(tmp_path):
    started(tmp_path)
    for plan, said in (
        (tiny_plan(lr=0.5), "with `optimizer.lr` 0.003, not 0.5"),
        (plan_sweep("quick", OVER, name="tiny"), "a sweep of `quick-mlp`"),
        (plan_sweep("quick-mlp", {"lr": "1,2"}, settings=TINY, name="tiny"), "a sweep over"),
        (tiny_plan(optimizer="sgd"), "with `optimizer` 'adamw', not 'sgd'"),
    ):
        with pytest.raises(UsageError, match=said):
            Sweep.create(tmp_path, plan, threads=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    with pytest.raises(UsageError, match="is there and is not a sweep"):
        Sweep.create(tmp_path, plan_sweep("quick-mlp", OVER, name="other"), threads=1)


def test_a_sweep_of_a_newer_schema_is_refused_in_one_line(tmp_path):
    sweep = started(tmp_path)
    header = sweep.path / "sweep.toml"
    header.write_text(header.read_text().replace("schema_version = 1", "schema_version = 99"))
    with pytest.raises(UsageError, match=r"schema version 99.*upgrade grokscope"):
        find_sweep(sweep.path)


def test_a_plan_that_cannot_be_trained_leaves_no_cohort(tmp_path):
    plan = tiny_plan(batch_size=1000)
    sweep = Sweep.create(tmp_path, plan, threads=1)
    with pytest.raises(GrokscopeError, match="batch_size"):
        extend(sweep, plan)
    assert sweep.cohorts() == []


def test_sweeps_are_found_by_path_name_and_beginning(tmp_path):
    sweep = started(tmp_path)
    for name in (sweep.path, "tiny", "ti", "tiny/"):
        assert find_sweep(name, tmp_path).path == sweep.path
    with pytest.raises(UsageError, match=r"There is no sweep 'x' in .*: there are tiny"):
        find_sweep("x", tmp_path)
    shutil.copytree(sweep.path, tmp_path / "tinier")
    with pytest.raises(UsageError, match="several sweeps: tinier, tiny"):
        find_sweep("tin", tmp_path)
    assert find_sweep("tiny", tmp_path).path == sweep.path


def test_results_say_what_the_summaries_say(done):
    for result in Results(done).all:
        cohort, _, index = result.run.partition("/")
        row = next(r for r in load(done.runs / cohort).networks if r["index"] == int(index))
        assert row["label"] == result.label == result.labels["grokdef/1 at 0.95"]
        assert row["seed"] == result.seed
        assert result.budget == 40
        assert result.decay_rate == pytest.approx(3e-3 * result.settings["optimizer.weight_decay"])
        assert result.has_grokked == (row["grokked_step"] is not None)
        if row["grokked_step"] is None:
            assert result.grokked.least == row["steps"]


@pytest.mark.parametrize("name", ["summary.json", "MANIFEST.json"])
@pytest.mark.parametrize("harm", ["gone", "changed", "cut"])
def test_results_of_a_damaged_run_are_refused_in_one_line(done, tmp_path, name, harm):
    shutil.copytree(done.path, tmp_path / "tiny")
    sweep = find_sweep(tmp_path / "tiny")
    path = sweep.runs / sweep.cohorts()[0].id / name
    text = path.read_text()
    path.unlink()
    if harm != "gone":
        path.write_text(text[:-20] if harm == "cut" else text.replace("a", "b"))
    with pytest.raises(VerificationError) as raised:
        _ = Results(sweep).all
    assert "\n" not in str(raised.value)


def test_results_say_what_they_are(done):
    assert str(Results(done)).startswith("tiny: 8 runs done (")
    assert repr(Results(done)) == f"Results({str(done.path)!r})"


def test_curves_of_all_runs_are_one_table(done, tmp_path):
    results = Results(done)
    columns = results.curves(["test/acc_novel"])
    for place, result in enumerate(results.all):
        cohort, _, network = result.run.partition("/")
        theirs = load(done.runs / cohort).curves
        own = theirs["network"] == int(network)
        here = columns["run"] == place
        assert columns["step"][here].tolist() == theirs["step"][own].tolist()
        assert columns["test/acc_novel"][here].tolist() == theirs["test/acc_novel"][own].tolist()
    with pytest.raises(UsageError, match="no finished runs"):
        Results(started(tmp_path)).curves(["test/acc"])


def test_queries_read_the_published_runs(done):
    rows = query(done.runs, "SELECT run, label FROM runs ORDER BY run").rows
    assert rows == sorted((result.run, result.label) for result in Results(done).all)


def test_what_is_gone_or_failed_is_done_again(tmp_path, done):
    sweep = finished(tmp_path)
    shutil.rmtree(sweep.runs / sweep.cohorts()[0].id)
    lost = sweep.cohorts()[1]
    again = sweep.open_ledger()
    again.reopen([lost.id])
    shutil.rmtree(sweep.runs / lost.id)
    again.fail(again.claim(only=lost.id), GrokscopeError("no luck"))
    assert standing(sweep).failed == {lost.id: "no luck"}
    assert mend(sweep) == 4
    Worker(sweep=sweep).work()
    assert Results(sweep).all == Results(done).all


def test_a_settings_error_fails_its_cohort_and_no_other(tmp_path, monkeypatch):
    sweep = started(tmp_path)
    bad = sweep.cohorts()[1]
    from grokscope.sweep import worker

    resume = worker.resume_run

    def broken(directory, listener):
        if directory.id == bad.id:
            raise GrokscopeError("this one never")
        return resume(directory, listener)

    monkeypatch.setattr(worker, "resume_run", broken)
    Worker(sweep=sweep).work()
    now = standing(sweep)
    assert (now.done, now.failed) == (6, {bad.id: "this one never"})
    assert not list(sweep.work.glob("*"))


def test_the_cost_counts_what_is_left(tmp_path):
    sweep = started(tmp_path)
    cost = cost_of(open_shapes(sweep))
    assert (cost.runs, cost.cohorts, cost.shapes) == (8, 4, 2)
    assert 0 < cost.seconds < 60
    Worker(sweep=sweep).work()
    assert cost_of(open_shapes(sweep)).runs == 0
    assert [len(s.runs) for s in new_shapes(sweep, tiny_plan(seeds=3).runs(), None)] == [2, 2]


def test_labels_at_half_the_budget_are_those_of_half_the_budget(tmp_path):
    settings = TINY | {"steps": 1000, "lr": 0.01, "p": 11, "train_fraction": 0.85}
    long = plan_sweep("quick-mlp", {"weight_decay": "0.03,0.3,1,3"}, settings=settings, seeds=3)
    short = plan_sweep(
        "quick-mlp", {"weight_decay": "0.03,0.3,1,3"}, settings=settings | {"steps": 500}, seeds=3
    )
    found = {}
    for plan in (long, short):
        sweep = Sweep.create(tmp_path, plan, threads=1)
        extend(sweep, plan, per_cohort=12)
        Worker(sweep=sweep).work()
        found[plan.base.training.steps] = Results(sweep).all
    pairs = list(zip(found[1000], found[500], strict=True))
    assert len({long.label for long, _ in pairs}) > 1
    for whole, half in pairs:
        # evaluations are elsewhere when the budget is, so what happens near its end may differ
        if half.grokked.most < 400 or half.grokked.least == 500 < whole.grokked.least:
            assert whole.labels["grokdef/1 at half the budget"] == half.label
            assert whole.labels["liu2022 at half the budget"] == half.labels["liu2022"]
    early = [whole.grokked_within(500) for whole, _ in pairs]
    assert all(wait.least <= 500 for wait in early)
    assert np.isinf([wait.most for wait in early]).any()


def test_plans_are_sealed(tmp_path):
    sweep = started(tmp_path)
    path = sweep.path / "plans" / "000001" / "plan.json"
    document = json.loads(path.read_text())
    document["cohorts"][0]["members"][0][1] += 1
    path.write_text(json.dumps(document))
    with pytest.raises(GrokscopeError, match="its checksum is wrong"):
        sweep.cohorts()
