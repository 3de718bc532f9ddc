"""Each question says yes, no and undecided where that is the truth."""

import numpy as np
import pytest

from grokscope.recipes.olmoe_mini.dates import converged_step, dates_of, layer_turns
from grokscope.recipes.olmoe_mini.questions import Answer, answers, fall
from grokscope.recipes.olmoe_mini.record import Record, read_records, write_records
from recipes.olmoe_mini.planted import DOMAINS, STEPS, record, rise

SEEDS = range(10_000, 10_004)


def found(records: list[Record], question: str, about: str) -> Answer:
    (one,) = [a for a in answers(records, 128) if (a.question, a.about) == (question, about)]
    return one


def test_a_turn_long_after_the_loss_has_converged_is_delayed():
    late = [record(seed) for seed in SEEDS]
    one = found(late, "delayed", "code")
    assert one.verdict == "yes"
    assert one.estimate.value == pytest.approx(np.log(1000 / 110), abs=0.25)
    together = [record(seed, turned=dict.fromkeys(DOMAINS, 100.0)) for seed in SEEDS]
    assert found(together, "delayed", "code").verdict == "no"


def test_a_domain_that_never_turns_is_censored_and_not_left_out():
    turned = {"arithmetic": 300.0, "code": 900.0}
    one = found([record(seed, turned=turned) for seed in SEEDS], "delayed", "knowledge")
    assert one.estimate.sign == "≥"
    assert one.estimate.value == pytest.approx(np.log(STEPS[-1] / 110), abs=0.25)
    assert one.verdict == "yes"


def test_domains_that_turn_at_other_times_are_apart():
    turned = {"arithmetic": 300.0, "code": 900.0, "knowledge": 600.0}
    one = found([record(seed, turned=turned) for seed in SEEDS], "apart", "domains")
    assert one.verdict == "yes"
    assert one.estimate.value == pytest.approx(np.log(3), abs=0.2)
    assert found([record(seed) for seed in SEEDS], "apart", "domains").verdict == "no"


def test_layers_that_turn_at_other_times_are_apart():
    one = found([record(seed) for seed in SEEDS], "apart", "layers")
    assert one.verdict == "yes"
    assert one.estimate.value == pytest.approx(np.log(6), abs=0.3)
    same = [record(seed, layers=(500.0, 500.0)) for seed in SEEDS]
    assert found(same, "apart", "layers").verdict == "no"
    flat = layer_turns(STEPS, np.stack([0.8 - 0.01 * rise(100.0), 0.8 - 0.3 * rise(100.0)]))
    assert np.isnan(flat[0])
    assert flat[1] == pytest.approx(100, rel=0.15)


def test_a_measure_that_follows_accuracy_goes_beyond_the_trend():
    follows = [record(seed) for seed in SEEDS]
    assert found(follows, "changes", "distance_normalized").verdict == "yes"
    beyond = found(follows, "beyond-trend", "distance_normalized")
    assert beyond.estimate.value is not None
    assert beyond.estimate.value > 0.3


def test_a_measure_that_follows_the_step_alone_does_not_track_better_than_it():
    trend = [record(seed, falls_with="step") for seed in SEEDS]
    assert found(trend, "tracks", "distance_normalized").verdict == "no"
    assert found(trend, "beyond-trend", "distance_normalized").verdict != "yes"
    assert found(trend, "changes", "distance_normalized").verdict != "yes"


def test_nothing_tracks_an_accuracy_that_never_rises():
    flat = [record(seed, turned={}) for seed in SEEDS]
    one = found(flat, "tracks", "distance")
    assert (one.verdict, one.seeds, one.left_out) == ("undecided", 0, 4)
    assert one.estimate.value is None


def test_seen_samples_differ_from_twins_where_they_do():
    apart = [record(seed, twins_differ=0.05) for seed in SEEDS]
    assert found(apart, "seen-differ", "documents: distance").verdict == "yes"
    assert found(apart, "seen-differ", "documents: loss").verdict == "yes"
    alike = [record(seed) for seed in SEEDS]
    assert found(alike, "seen-differ", "documents: distance").verdict == "no"


def test_a_fall_that_a_control_shows_too_is_not_more_than_in_the_control():
    main = [record(seed) for seed in SEEDS]
    flat = [record(seed, arm="shuffled-labels", falls_with="nothing") for seed in SEEDS]
    same = [record(seed, arm="shuffled-labels", falls_with="step") for seed in SEEDS]
    about = "shuffled-labels: distance_normalized"
    assert found([*main, *flat], "more-than-control", about).verdict == "yes"
    one = found([*main, *same], "more-than-control", about)
    assert one.estimate.value == pytest.approx(0, abs=0.03)
    assert fall(main[0], "distance_normalized") == pytest.approx(0.375, abs=0.02)


def test_a_single_seed_decides_nothing():
    own = answers([record(10_000), record(10_000, arm="frozen-router")], 128)
    assert {one.verdict for one in own} == {"undecided"}
    assert len({(one.question, one.about) for one in own}) == len(own)


def test_a_loss_has_converged_since_it_stayed_near_its_end():
    loss = np.array([4.0, 2.0, 1.0, 1.6, 1.05, 1.0, 0.95, 1.0])
    steps = np.arange(8.0) * 10
    assert converged_step(steps, loss) == 40
    assert converged_step(steps, loss[::-1].copy()) == 70


def test_a_domain_is_labelled_by_grokdef():
    one = dates_of(record(10_000), "code", 128)
    assert one.verdict.label == "grokking"
    assert one.turned.least == pytest.approx(1000, rel=0.1)


def test_records_come_back_from_their_table(tmp_path):
    own = [record(10_000), record(10_001, arm="frozen-router")]
    write_records(own, tmp_path / "records.csv")
    back = read_records(tmp_path / "records.csv")
    assert [(one.arm, one.seed) for one in back] == [("main", 10_000), ("frozen-router", 10_001)]
    for before, after in zip(own, back, strict=True):
        assert after.chances == dict(before.chances)
        assert set(after.columns) == set(before.columns)
        for name, values in before.columns.items():
            assert after.columns[name] == pytest.approx(values, rel=1e-4, nan_ok=True)
