"""Laws of every registered optimizer: neighbours, rest, resume, recording."""

import warnings
from dataclasses import dataclass, fields, replace

import pytest
import torch

from engine.optimizers import VARIANTS, of_three
from engine.populations import MLP, ZHONG, Network, World, distance, same, trained, weights
from engine.test_capture import Devices, Waits, plainly, recordings
from grokscope.core.seeds import stream_seed
from grokscope.engine import OPTIMIZERS, Optimizer, Population, stack
from grokscope.engine.state import views
from grokscope.engine.update import Update
from grokscope.models import CausalDecoder, Parameters, Rows
from grokscope.models.noise import gaussian, step_key

__all__ = ["recordings"]
FAST = ["sgd", "muon, all noise", "adamw, window"]


def networks(name: str) -> list[Network]:
    return [
        Network(model=ZHONG, seed=s, optimizer=o) for s, o in enumerate(of_three(VARIANTS[name]))
    ]


def test_every_registered_optimizer_has_a_variant_here():
    assert {type(own) for own in VARIANTS.values()} == set(OPTIMIZERS.values())


def test_every_setting_that_may_be_off_is_on_somewhere():
    for field in (f for f in fields(Optimizer) if f.default in (0.0, "", False, None, "none")):
        assert any(getattr(own, field.name) != field.default for own in VARIANTS.values())


@pytest.mark.parametrize("name", VARIANTS)
def test_a_stack_of_three_is_three_single_runs(name: str):
    three, world = networks(name), World(batch_size=16)
    some = trained(world.population(three), 8)
    for i, network in enumerate(three):
        alone = trained(world.population([network]), 8)
        assert distance(weights(some, i), weights(alone, 0)) < 1e-9


@pytest.mark.parametrize("name", VARIANTS)
def test_standing_still_keeps_the_state_to_the_bit(name: str):
    some = trained(World(dtype=torch.float32).population(networks(name)), 6).stacks[0]
    settings = [lane.job.optimizer for lane in some.lanes]
    update, count = (
        Update(settings, some._update.shapes),
        len(settings),
    )  # a thread has its own stack
    before = some.state(range(count))
    state = {slot: value.clone() for slot, value in before.items()}
    now = update.standstill(state["theta"]).expand(count, -1)
    own = update.own(settings, range(count), state["theta"])
    key = update.keys(own, torch.full((count, 1), 6.0, dtype=torch.float64))
    update.move(state, torch.zeros_like(state["theta"]), now, own, key)
    assert same(state, before)


@pytest.mark.parametrize("name", VARIANTS)
def test_twelve_steps_are_five_and_seven(name: str):
    world = World(dtype=torch.float32, batch_size=16)

    def make() -> Population:
        return world.population(networks(name))

    whole, before, after = trained(make(), 12), trained(make(), 5), make()
    groups = before.checkpoint(range(3))
    after.restore(groups, indices=range(3), waiting=[])
    first = after.checkpoint(range(3))
    assert same(first["optim"], groups["optim"])
    trained(after, 7)
    assert all(same(weights(whole, i), weights(after, i)) for i in range(3))
    assert not same(weights(whole, 0), weights(before, 0))


@pytest.mark.parametrize("name", VARIANTS)
def test_recorded_steps_are_the_steps(
    name: str, recordings: list[str], monkeypatch: pytest.MonkeyPatch
):
    world = World(dtype=torch.float32)
    replayed = trained(world.population(networks(name)), 8)
    assert recordings
    plainly(monkeypatch)
    stepped = trained(world.population(networks(name)), 8)
    assert all(same(weights(replayed, i), weights(stepped, i)) for i in range(3))


@pytest.mark.parametrize("name", VARIANTS)
def test_no_step_waits_to_see_a_value_or_has_to_do_with_another_device(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stack.Stack, "AT_ONCE", True)
    here = trained(World().population(networks(name)), 1)
    with Waits() as waits:
        here.stacks[0].advance(2)
    assert waits.seen == []
    (elsewhere,) = World(device="meta").population(networks(name)).stacks
    elsewhere.advance(1)
    with Devices("meta") as devices:
        elsewhere._program.run(1)
    assert devices.strangers == []


@pytest.mark.parametrize("name", FAST)
def test_a_network_that_enters_a_slot_starts_afresh(name: str):
    three = networks(name)
    some = trained(World(capacity=2).population(three), 4)
    stacks = some.stacks
    some.retire({1})
    assert some.stacks is stacks
    trained(some, 5)
    alone = trained(World().population([three[2]]), 5)
    assert distance(weights(some, 1), weights(alone, 0)) < 1e-9


@pytest.mark.parametrize("name", FAST)
def test_a_network_that_diverges_leaves_its_neighbours_alone(name: str):
    three = networks(name)
    wild = replace(three[1].optimizer, lr=1e200, warmup_steps=0, fixed_norm=None)
    calm = trained(World().population(three), 8)
    some = World().population([three[0], replace(three[1], optimizer=wild), three[2]])
    some.advance(8)
    some.settle()
    assert [bad.index for bad in some.diverged] == [1]
    assert all(same(weights(some, i), weights(calm, 2 * i)) for i in range(2))


def test_what_a_checkpoint_does_not_have_begins_afresh():
    plain = trained(World().population([Network(optimizer=VARIANTS["adamw"])]), 3)
    changed = replace(VARIANTS["adamw"], decay="to_init", fixed_norm=1.0)
    fork = World().population([Network(optimizer=changed)])
    fork.restore(plain.checkpoint([0]), indices=[0], waiting=[])
    state = fork.stacks[0].state([0])
    assert torch.equal(state["initial"], state["theta"])
    assert torch.allclose(state["initial_norm"], state["theta"].norm(dim=1))
    assert torch.equal(state["exp_avg"], plain.stacks[0].state([0])["exp_avg"])


def test_noisy_weights_are_where_the_gradient_is_taken():
    noisy = Network(model=MLP, optimizer=replace(VARIANTS["sgd"], weight_noise=0.3))
    quiet = replace(noisy, optimizer=VARIANTS["sgd"])
    some = World().population([noisy])
    before = some.checkpoint([0])
    shapes = {name: tuple(value.shape[1:]) for name, value in before["model"].items()}
    width = sum(value.numel() for value in before["model"].values())
    key = step_key(torch.tensor([stream_seed(0, "noise")]), torch.tensor([0]))
    noise = views(0.3 * gaussian(key, width, -2, torch.float64), shapes)
    shifted = {name: value + noise[name] for name, value in before["model"].items()}
    there = World().population([quiet])
    there.restore(before | {"model": shifted}, indices=[0], waiting=[])
    decayed = 1 - 0.01 * 0.1  # L2 acts on the weights without noise
    trained(some, 1)
    trained(there, 1)
    for name, value in weights(there, 0).items():
        gradient = value - decayed * shifted[name][0]
        ours = weights(some, 0)[name] - decayed * before["model"][name][0]
        assert torch.allclose(ours, gradient, atol=1e-12)
        assert float((shifted[name] - before["model"][name]).abs().max()) > 0.1


BRANCHES = {
    "adamw, l1": {"l1": 0.1},
    "adamw, l2": {"decay": "l2"},
    "adamw, to init": {"decay": "to_init"},
    "adamw, window": {"grokfast": "ma", "grokfast_window": 3},
    "adamw, fixed norm": {"fixed_norm": 0.9, "frozen": "W_E"},
}


@pytest.mark.parametrize("name", BRANCHES)
def test_a_cohort_with_another_optimizer_leaves_the_first_to_the_bit(name: str):
    """As in a fork, whose untouched branch goes on as its run did."""
    plain = [Network(model=MLP, seed=s, optimizer=VARIANTS["adamw"]) for s in (1, 2)]
    other = [replace(n, optimizer=replace(n.optimizer, **BRANCHES[name])) for n in plain]
    world = World(dtype=torch.float32)
    apart, changed = (trained(world.population(some), 9) for some in (plain, other))

    def both() -> Population:
        one = world.population([*plain, *(replace(n, optimizer=plain[0].optimizer) for n in other)])
        jobs = [one._jobs[i] for i in range(4)]
        optimizers = [n.optimizer for n in (*plain, *other)]
        pairs = enumerate(zip(jobs, optimizers, strict=True))
        cohorts = [replace(job, cohort=i // 2, optimizer=own) for i, (job, own) in pairs]
        return Population(one.setup, cohorts)

    whole, half = trained(both(), 9), trained(both(), 4)
    groups, resumed = half.checkpoint(range(4)), both()
    resumed.restore(groups, indices=range(4), waiting=[], layout=half.layout)
    trained(resumed, 5)
    for i in range(2):
        assert same(weights(whole, i), weights(apart, i))
        assert same(weights(whole, 2 + i), weights(changed, i))
    assert all(same(weights(whole, i), weights(resumed, i)) for i in range(4))


DROPPING = CausalDecoder(
    d_model=12,
    n_heads=2,
    n_layers=1,
    unembed="tokens",
    equals_token=True,
    dropout=0.3,
    dropout_at="all",
    init_like="torch",
)


def dropping(seed: int, name: str = "adamw") -> Network:
    return Network(model=DROPPING, seed=seed, optimizer=VARIANTS[name])


@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        ("adamw", None),
        ("adamw", 16),
        ("sgd", 16),
        pytest.param("muon, all noise", None, marks=pytest.mark.slow),
    ],
)
def test_a_model_that_draws_is_recorded_resumed_and_left_alone(
    name: str, batch_size: int | None, recordings: list[str], monkeypatch: pytest.MonkeyPatch
):
    pair, world = [dropping(1, name), dropping(2, name)], World(batch_size=batch_size)
    in32 = replace(world, dtype=torch.float32)
    whole = trained(in32.population(pair), 9)
    assert recordings
    plainly(monkeypatch)
    before, after = trained(in32.population(pair), 4), in32.population(pair)
    after.restore(before.checkpoint([0, 1]), indices=[0, 1], waiting=[])
    trained(after, 5)
    assert all(same(weights(whole, i), weights(after, i)) for i in range(2))
    alone = trained(world.population(pair[:1]), 5)
    assert distance(weights(trained(world.population(pair), 5), 0), weights(alone, 0)) < 1e-9


def test_what_is_dropped_changes_the_steps_and_no_look():
    some = trained(World().population([dropping(1), dropping(2)]), 5)
    whole = replace(DROPPING, dropout=0.0)
    other = World().population([replace(dropping(s), model=whole) for s in (1, 2)])
    assert distance(weights(some, 0), weights(trained(other, 5), 0)) > 1e-3
    params, rows = some.parameters(), Rows(some.setup.table.inputs.expand(2, -1, -1))
    assert "noise_key" not in params
    for seen, plain in zip(
        DROPPING.observe(params, rows), whole.observe(params, rows), strict=True
    ):
        assert torch.equal(seen, plain)


def test_what_is_dropped_depends_on_seed_and_step():
    shown: list[torch.Tensor] = []

    @dataclass(frozen=True, kw_only=True)
    class Showing(CausalDecoder):
        def readout(self, params: Parameters, rows: Rows) -> torch.Tensor:
            if "noise_key" in params:
                shown.append(params["noise_key"].clone())
            return super().readout(params, rows)

    model = Showing(d_model=12, n_heads=2, n_layers=1, dropout=0.1)
    trained(World().population([Network(model=model, seed=s) for s in (1, 2)]), 6)
    keys = torch.stack(shown[:6])
    assert len(keys.unique()) == 12


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
@pytest.mark.parametrize("name", VARIANTS)
def test_a_gpu_takes_the_same_steps(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # steps that are not recorded
        there = trained(World(device="cuda", batch_size=16).population(networks(name)), 8)
    here = trained(World(batch_size=16).population(networks(name)), 8)
    for i in range(3):
        ours = {n: value.cpu() for n, value in weights(there, i).items()}
        assert distance(ours, weights(here, i)) < 1e-8
