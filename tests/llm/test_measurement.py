"""A reading becomes a measurement."""

import numpy as np
import pytest

from grokscope.core.errors import SettingError, UsageError
from grokscope.llm.measurement import History, Measuring
from grokscope.llm.memorisation import LossCurves, memorized_online
from grokscope.llm.panel import Experts, panel_of
from grokscope.llm.pathways import Pathways
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.llm.reading import Reading, float_mean
from grokscope.llm.sharing import cross_overlap
from llm.planted import drawn, unseen

EXPERTS = Experts(rows=None, gain=None, top_k=2)
DOMAINS = ("a", "b", "c")


def probe_set(count=4, roles=("seen", "twin")):
    return ProbeSet(
        tuple(
            Probe(domain=d, tokens=(3, 4 + n), role=role, exposed=(0,) if role == "seen" else ())
            for d in DOMAINS
            for role in roles
            for n in range(count)
        )
    )


def reading(weights, loss=None, problems=()):
    samples = weights.shape[1]
    nothing = np.full(samples, np.nan, dtype=np.float32)
    return Reading(
        pathways=Pathways(
            weights=weights.astype(np.float32),
            tokens=np.full(samples, 2),
            layers=tuple(f"layer {n}" for n in range(len(weights))),
        ),
        loss=nothing if loss is None else np.asarray(loss, dtype=np.float32),
        correct=nothing,
        problems=problems,
        seconds=0.1,
    )


def test_a_group_is_measured_as_its_own_samples_are():
    own = probe_set()
    history = History(probes=own, settings=Measuring(pairs=5))
    weights = [drawn(seed, (3, len(own), 6)).astype(np.float32) for seed in (0, 1)]
    history.add(0, reading(weights[0]), EXPERTS)
    measurement = history.add(3, reading(weights[1]), EXPERTS)
    for name, rows in own.groups.items():
        expected = panel_of(
            weights[1][:, rows], history._layout.pairs[name], EXPERTS, before=weights[0][:, rows]
        )
        for measure, value in expected.scalars.items():
            assert measurement.groups[name].scalars[measure] == value


def test_overlap_between_domains_is_the_mean_over_couples():
    own = probe_set(roles=("seen",))
    weights = unseen(drawn(2, (3, len(own), 6)), 1).astype(np.float32)
    found = History(probes=own, settings=Measuring()).add(0, reading(weights), EXPERTS)
    parts = [weights[:, rows] for rows in own.groups.values()]
    couples = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([cross_overlap(parts[i], parts[j]).mean for i, j in couples])
    assert found.whole["cross_overlap"] == pytest.approx(float(expected))
    assert 0 < found.whole["cross_distance_normalized"] <= 1


def test_one_domain_has_no_control():
    own = ProbeSet(tuple(Probe(domain="a", tokens=(3, n)) for n in range(4)))
    history = History(probes=own, settings=Measuring())
    assert history.add(0, reading(drawn(0, (2, 4, 5))), EXPERTS).whole == {}


def test_the_gap_is_between_seen_samples_and_twins():
    own = probe_set()
    loss = np.where([p.role == "seen" for p in own.probes], 1.5, 4.0)
    history = History(probes=own, settings=Measuring())
    found = history.add(0, reading(drawn(0, (2, len(own), 5)), loss), EXPERTS)
    assert found.groups["a"].scalars["gap"] == -2.5
    assert "gap" not in found.groups["a/twin"].scalars


def test_what_is_memorized_follows_the_online_rule():
    own = probe_set()
    settings = Measuring(eps={"a": 1.0, "b": 0.1}, window=2)
    history = History(probes=own, settings=settings)
    stream = np.random.default_rng(0)
    losses = stream.uniform(0.9, 1.02, (4, len(own)))
    for step, loss in enumerate(losses, start=1):
        found = history.add(step, reading(drawn(step, (2, len(own), 5)), loss), EXPERTS)
    rows = own.groups["a"]
    curves = LossCurves(steps=np.arange(1, 5), losses=losses[:, rows].astype(np.float32))
    rule = memorized_online(curves, own.exposed[rows], eps=1.0, window=2)
    assert found.groups["a"].scalars["memorized"] == np.isfinite(rule.known).mean() > 0
    assert found.groups["b"].scalars["memorized"] == 0
    assert "memorized" not in found.groups["c"].scalars
    assert "memorized" not in found.groups["a/twin"].scalars


def test_samples_that_diverged_are_left_out_and_warn_nobody():
    own = probe_set(roles=("seen",))
    weights = drawn(0, (2, len(own), 5))
    history = History(probes=own, settings=Measuring(eps=1.0))
    history.add(0, reading(weights, np.ones(len(own))), EXPERTS)
    lost = unseen(weights, *own.groups["a"])
    found = history.add(1, reading(lost, np.full(len(own), np.nan)), EXPERTS)
    assert np.isnan(found.groups["a"].scalars["distance"])
    assert np.isfinite(found.groups["b"].scalars["distance"])
    assert np.isnan(found.groups["b"].scalars["loss"])
    nothing = history.add(2, reading(np.full_like(weights, np.nan)), EXPERTS)
    assert np.isnan(nothing.load).all()


def test_groups_of_the_moment_have_no_past():
    history = History(probes=None, settings=Measuring(eps=1.0))
    for step, count in ((1, 6), (2, 9)):
        groups = {"a": np.arange(3), "b": np.arange(3, count)}
        found = history.add(step, reading(drawn(step, (2, count, 5))), EXPERTS, groups=groups)
    assert not {"loss", "memorized", "change", "saturation"} & set(found.groups["a"].scalars)
    assert "cross_overlap" in found.whole
    assert history.before is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 1.0), ("pairs", 0), ("window", 0), ("delta", -0.1), ("seed", -1)],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(SettingError, match=f"`{name}` must be"):
        Measuring(**{name: value})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tokens": (3,)}, "`tokens` must be at least two"),
        ({"tokens": (3, -1)}, "`tokens` must be at least 0, got -1."),
        ({"domain": "a/b"}, "`domain` must be a name without a slash"),
        ({"domain": ""}, "`domain` must be a name"),
        ({"answer": 0}, "`answer` must be in 1 … 1"),
        ({"exposed": (4, 2)}, "`exposed` must be rising"),
        ({"exposed": (-1,)}, "`exposed` must be rising"),
    ],
)
def test_probes_that_cannot_be_are_refused(settings, said):
    with pytest.raises(SettingError, match=said):
        Probe(**{"domain": "a", "tokens": (3, 4)} | settings)


def test_domains_that_columns_cannot_tell_apart_are_refused():
    with pytest.raises(UsageError, match="'a' and 'A' differ only in case"):
        ProbeSet((Probe(domain="a", tokens=(3, 4)), Probe(domain="A", tokens=(3, 4))))


def test_since_when_a_probe_has_been_seen():
    own = ProbeSet(
        (
            Probe(domain="a", tokens=(3, 4), exposed=(5, 9)),
            Probe(domain="a", tokens=(3, 4), exposed=()),
            Probe(domain="a", tokens=(3, 4)),
            Probe(domain="a", tokens=(3, 4), role="twin"),
        )
    )
    assert own.exposed.tolist() == [6.0, np.inf, 0.0, np.inf]


def test_batches_hold_every_probe_once_and_alike_lengths_together():
    own = ProbeSet(tuple(Probe(domain="a", tokens=(3,) * (2 + n % 5)) for n in range(13)))
    batches = own.batches(4)
    assert sorted(np.concatenate(batches).tolist()) == list(range(13))
    lengths = [len(own.probes[i].tokens) for rows in batches for i in rows]
    assert lengths == sorted(lengths)
    ids, mask = own.padded(batches[-1])
    assert mask.sum(1).tolist() == [len(own.probes[i].tokens) for i in batches[-1]]
    assert (ids[mask == 0] == 0).all()


def test_a_fingerprint_changes_with_anything():
    one = {"domain": "a", "tokens": (3, 4)}
    kinds = [{}, {"tokens": (3, 5)}, {"domain": "b"}, {"role": "twin"}, {"answer": 1}]
    kinds += [{"exposed": ()}, {"exposed": (3,)}]
    found = {ProbeSet((Probe(**one | other),)).fingerprint for other in kinds}
    assert len(found) == len(kinds)
    assert ProbeSet((Probe(**one),)).fingerprint == ProbeSet((Probe(**one),)).fingerprint


def test_a_mean_is_over_what_is_known():
    assert float_mean(np.array([1.0, np.nan, 3.0])) == 2.0
    assert np.isnan(float_mean(np.array([np.nan])))
