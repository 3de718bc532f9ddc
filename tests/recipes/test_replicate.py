"""Arms that are run, found again, gone on with; what is written; the page."""

import json
import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grokscope.core.errors import InterruptedRunError, SettingError, UsageError
from grokscope.engine import AdamW
from grokscope.experiment import Config, Plan, Training, TrainingProgress
from grokscope.models import EmbeddingMLP
from grokscope.recipes import RECIPES
from grokscope.recipes.record import PAGE, record, recorded, status_of
from grokscope.recipes.registry import REPLICATIONS
from grokscope.recipes.replicate import Attempt
from grokscope.recipes.replication import (
    Arm,
    Replication,
    Stage,
    chosen,
    computed,
    summary_rows,
    trained,
)
from grokscope.recipes.rules import Row, median_at_most, share_at_least
from grokscope.recipes.table import networks_text, page, row_of
from grokscope.recipes.tally import tally
from grokscope.tasks import ModularArithmetic

CONFIG = Config(
    task=ModularArithmetic(p=7, train_fraction=0.5),
    model=EmbeddingMLP(d_model=16, d_hidden=32),
    optimizer=AdamW(lr=3e-2, weight_decay=0.0),
    training=Training(steps=60, stop_when_grokked=False),
)


class Listening:
    """Counts arms and runs; may stop a run by asking it to, as Ctrl-C does."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.arms: list[str] = []
        self.trained = 0
        self._stop_at = stop_at

    def arm(self, replication: Replication, arm: Arm) -> None:
        """Note it."""
        self.arms.append(arm.name)

    def watching(self, plan: Plan) -> Any:
        """Itself as the listener."""
        self.trained += 1
        return nullcontext(self)

    def update(self, progress: TrainingProgress) -> None:
        """Go on, or stop."""
        if self._stop_at is not None and progress.networks[0].steps[-1:] >= [self._stop_at]:
            raise InterruptedRunError("Stopped.")


def fits(row: Row) -> bool:
    return row["train_acc"] > 0.9


def tiny(**changes: Any) -> Replication:
    lazy = {"optimizer.lr": 0.0}
    stage = Stage(
        arms=(trained("taught", CONFIG), trained("not taught", CONFIG, lazy, role="control")),
        minutes=0.1,
    )
    replication = Replication(
        name="tiny",
        recipe="tiny-recipe",
        source="arXiv 0000.00000, figure 1",
        published="training | fits",
        rule=share_at_least(0.5, fits, "networks that fit"),
        tiers={"smoke": stage},
    )
    return replace(replication, **changes)


def attempt(out: Path, replication: Replication | None = None, **more: Any) -> Attempt:
    return Attempt(replication=replication or tiny(), tier="smoke", out=out, **more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder in which the tiny replication was carried out, and its result; never changed."""
    out = tmp_path_factory.mktemp("done")
    return out, attempt(out).carry_out(Listening())


def test_a_replication_of_a_network_that_fits_is_reproduced(done: Any):
    out, document = done
    assert (document["verdict"], document["recipe"]) == ("reproduced", "tiny-recipe")
    own, control = document["arms"]
    assert own["seeds"] == [10_000 + i for i in range(6)] == [row["seed"] for row in own["rows"]]
    assert own["measured"][0]["value"] == 1
    assert (control["outcome"], control["tally"][0]["networks"]) == ("fails", 6)
    assert document["wall_seconds"] > 0
    assert document["versions"]["torch"]
    stored = json.loads((out / "tiny-smoke.json").read_text(encoding="utf-8"))
    assert stored["rule"]["text"] == document["rule"]["text"]
    assert stored["arms"][0]["config"]["base"]["task"]["p"] == 7


def test_a_result_names_no_place_on_the_machine(done: Any):
    out, _ = done
    text = (out / "tiny-smoke.json").read_text(encoding="utf-8")
    assert str(out) not in text
    assert not re.search(r'"/(home|work|tmp|root)', text)


def test_what_is_done_is_not_run_again(done: Any):
    out, document = done
    listening = Listening()
    again = attempt(out).carry_out(listening)
    assert (listening.arms, listening.trained) == ([], 0)
    assert {**again, "git": None} == {**document, "git": None}


def test_another_setting_is_another_arm_and_the_others_stay(done: Any):
    out, _ = done
    own, control = tiny().stage("smoke").arms
    other = replace(trained("taught", replace(CONFIG, optimizer=AdamW(lr=2e-2))), seeds=5)
    changed = tiny(tiers={"smoke": Stage(arms=(other, control), minutes=1)})
    first, second = attempt(out), attempt(out, changed)
    assert first.is_done(own)
    assert not second.is_done(other)
    assert second.is_done(control)
    assert not attempt(out, development=True).is_done(own)


def test_another_measure_is_another_arm():
    def other(run: Any) -> Sequence[Row]:
        return summary_rows(run)

    own = trained("taught", CONFIG)
    assert own.key(range(3)) == trained("taught", CONFIG).key(range(3))
    assert own.key(range(3)) != trained("taught", CONFIG, measure=other).key(range(3))


def test_a_stopped_arm_is_gone_on_with_and_gives_the_same_rows(done: Any, tmp_path: Path):
    _, document = done
    with pytest.raises(InterruptedRunError):
        attempt(tmp_path).carry_out(Listening(stop_at=20))
    (folder,) = (tmp_path / "tiny-smoke").iterdir()
    (run,) = folder.glob("2*")
    assert not (folder / "arm.json").exists()
    assert not (tmp_path / "tiny-smoke.json").exists()
    resumed = attempt(tmp_path).carry_out(Listening())
    assert list(folder.glob("2*")) == [run]
    assert resumed["arms"][0]["rows"] == document["arms"][0]["rows"]


def test_computed_arms_are_kept_too_and_must_give_all_seeds(tmp_path: Path):
    calls: list[int] = []

    def solve(folder: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
        calls.append(len(seeds))
        (folder / "work").write_text("half done", encoding="utf-8")
        return [{"seed": seed, "distance": 1.0 + seed % 3} for seed in seeds]

    def far(folder: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
        return [{"seed": seed, "distance": 9.0} for seed in seeds]

    arms = (
        computed("solved", solve, {"n": 3}),
        computed("unsolved", far, {"n": 3}, role="control"),
        computed("far", far, {"n": 4}, role="reference"),
    )
    rule = median_at_most(0.5, "far", "distance")
    linear = tiny(rule=rule, tiers={"smoke": Stage(arms=arms, minutes=0.1)})
    for _ in range(2):
        document = attempt(tmp_path, linear).carry_out(Listening())
    assert calls == [6]
    assert document["verdict"] == "reproduced"
    assert document["arms"][0]["tally"] == [{"settings": {}, "networks": 6}]

    short = computed("short", lambda folder, seeds: [{"seed": seeds[0]}], {})
    broken = tiny(tiers={"smoke": Stage(arms=(short, arms[1]), minutes=0.1)})
    with pytest.raises(SettingError, match="`rows` must be of all seeds of arm `short`"):
        attempt(tmp_path, broken).carry_out(Listening())


def test_development_seeds_are_others_and_never_recorded(tmp_path: Path):
    document = attempt(tmp_path, development=True).carry_out(Listening())
    assert document["arms"][0]["seeds"] == list(range(6))
    assert (tmp_path / "tiny-smoke-development.json").is_file()
    with pytest.raises(UsageError, match="development seeds is not recorded"):
        record(document, tmp_path / "results", tmp_path / "page.md")
    assert not (tmp_path / "results").exists()


def test_a_recorded_result_is_on_the_page_and_another_rule_shows(done: Any, tmp_path: Path):
    _, document = done
    results, target = tmp_path / "results", tmp_path / "page.md"
    assert status_of(tiny(), "smoke", results)["status"] == "not run"
    record(document, results, target)
    assert target.read_text(encoding="utf-8") == page(recorded(results))
    assert status_of(tiny(), "smoke", results)["status"] == "reproduced"
    stricter = tiny(rule=share_at_least(0.6, fits, "networks that fit"))
    assert status_of(stricter, "smoke", results)["status"] == "judged by another rule"
    with pytest.raises(UsageError, match="needs a checkout of grokscope"):
        record(document, results, tmp_path / "nowhere" / "page.md")


def test_the_page_shows_published_beside_measured(done: Any):
    _, document = done
    text = page([document, {**document, "tier": "cpu", "differs": "It is faster here."}])
    smoke, cpu = text.index("## Smoke tier"), text.index("## CPU tier")
    own = text[smoke:cpu].splitlines()
    assert any(
        line.startswith("| tiny | arXiv 0000.00000, figure 1 | reproduced |") for line in own
    )
    assert "Published (arXiv 0000.00000, figure 1): training | fits." in own
    (taught,) = [line for line in own if line.startswith("| taught | subject |")]
    assert "share of networks that fit 1 [0.541, 1]" in taught
    (control,) = [line for line in own if line.startswith("| not taught | control |")]
    assert "share of networks that fit 0 [0, 0.459]" in control
    assert "Verdict: **reproduced**; the rule passes, and every control fails it." in own
    assert "Differs: It is faster here." in text[cpu:]
    assert "Differs" not in text[smoke:cpu]


def test_a_tally_tells_censored_from_diverged_for_each_setting():
    ends = [(500, "grokked"), (700, "grokked"), (None, "budget"), (None, "diverged")]
    rows = [
        {
            "seed": seed,
            "settings": {"seed": seed, "optimizer.lr": lr},
            "memorized_step": 100,
            "grokked_step": step if lr == 0.1 else None,
            "stop_reason": reason,
            "steps": 900,
        }
        for lr in (0.1, 0.2)
        for seed, (step, reason) in enumerate(ends)
    ]
    first, second = tally(rows)
    assert first["settings"] == {"optimizer.lr": 0.1}
    names = ("networks", "grokked", "censored", "diverged")
    assert [first[name] for name in names] == [4, 2, 1, 1]
    assert [second[name] for name in names] == [4, 0, 3, 1]
    assert (first["grokked_step"]["value"], second["grokked_step"]["value"]) == (700, None)
    text = networks_text({"name": "rates", "tally": [first, second]})
    assert text == (
        "rates: lr 0.1 – 2 of 4 grokked, 1 censored, 1 diverged, median step 700 [500, –]; "
        "lr 0.2 – 0 of 4 grokked, 3 censored, 1 diverged"
    )


def test_the_committed_page_is_what_the_committed_results_give():
    assert PAGE.read_text(encoding="utf-8") == page(recorded())


def test_committed_results_are_of_evaluation_seeds_and_of_known_replications():
    for document in recorded():
        assert document["replication"] in REPLICATIONS
        assert not document["development"]
        assert min(min(arm["seeds"]) for arm in document["arms"]) >= 10_000
        assert row_of(document)["verdict"]


@pytest.mark.parametrize("name", REPLICATIONS)
def test_a_registered_replication_is_complete(name: str):
    found = REPLICATIONS[name]()
    assert found.name == name
    assert re.search(r"arXiv \d{4}\.\d{5}", found.source)
    for tier, stage in found.tiers.items():
        assert found.rule_of(tier).text
        assert stage.minutes <= {"smoke": 5, "cpu": 60, "paper": 24 * 60}[tier]
        for arm in stage.arms:
            assert arm.seeds >= 5 or tier == "paper"
            assert len(arm.key(arm.seed_range())) == 8
            if arm.make is not None:
                assert Plan.from_dict(arm.make(arm.seed_range()).to_dict())


def test_every_replication_of_a_recipe_is_meant_by_its_name():
    known = {
        name: (lambda name=name: tiny(name=name, recipe="paper")) for name in ("paper-1", "paper-2")
    }
    assert [each.name for each in chosen(["paper"], "smoke", known)] == ["paper-1", "paper-2"]
    assert [each.name for each in chosen(["paper-2"], "smoke", known)] == ["paper-2"]
    assert [each.name for each in chosen([], "smoke", known)] == ["paper-1", "paper-2"]
    assert chosen([], "cpu", known) == []
    with pytest.raises(UsageError, match=r"`paper-1` has no tier `cpu`; it has `smoke`\."):
        chosen(["paper"], "cpu", known)


def test_recipes_that_are_replicated_by_training_have_a_recipe_of_the_name():
    trained_ones = {
        found.recipe
        for found in (make() for make in REPLICATIONS.values())
        if any(arm.make for stage in found.tiers.values() for arm in stage.arms)
    }
    assert trained_ones <= set(RECIPES)


@pytest.mark.parametrize("roles", [["subject"], ["control"], ["subject", "subject", "control"]])
def test_a_stage_has_one_subject_and_a_control(roles: list[Any]):
    arms = tuple(trained(str(i), CONFIG, role=role) for i, role in enumerate(roles))
    with pytest.raises(SettingError, match="`arms` must be"):
        Stage(arms=arms, minutes=1)


def test_what_is_not_reproduced_says_what_was_tried_and_what_is_excluded(done: Any):
    _, document = done
    arms = [
        {**arm, "measured": [{**each, "outcome": "fails"} for each in arm["measured"]]}
        for arm in document["arms"]
    ]
    text = page([{**document, "verdict": "not reproduced", "arms": arms}])
    (line,) = [line for line in text.splitlines() if line.startswith("Tried: ")]
    assert line.endswith("Excluded: share of networks that fit outside [0.541, 1].")
    assert "6 seeds" in line
    assert "Tried: " not in page([document])
