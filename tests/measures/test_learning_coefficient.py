"""Local learning coefficients where they are known in closed form."""

import math

import numpy as np
import pytest
import torch

from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator
from grokscope.measures.learning_coefficient import Langevin, LearningCoefficient, llc
from reference.snapshots import slow_langevin, tempered_mean_loss

CURVATURES = torch.tensor([0.5, 1.0, 2.0, 4.0])


def quadratic(params: dict[str, torch.Tensor], batch: torch.Tensor | None) -> torch.Tensor:
    return 0.5 * (CURVATURES * params["w"].square()).sum(1)


def crossing(params: dict[str, torch.Tensor], batch: torch.Tensor | None) -> torch.Tensor:
    return params["w"].prod(1).square()


def measure(loss, start: torch.Tensor, seeds: list[int], **settings) -> LearningCoefficient:
    how = Langevin(**settings)
    return llc({"w": start}, loss, seeds=seeds, n_rows=100, settings=how)


def stationary(settings: dict[str, float]) -> float:
    """The exact mean of the estimate on the quadratic loss, finite steps and pull included."""
    e, g, b = settings["step"], settings["localization"], settings["nbeta"]
    return sum(b * a / (2 * k * (1 - e * k / 4)) for a in CURVATURES.tolist() for k in [b * a + g])


def test_a_regular_loss_counts_half_of_its_parameters():
    how = {"step": 0.003, "localization": 0.1, "nbeta": 20.0}
    found = measure(quadratic, torch.zeros(2, 4), [1, 2], **how, draws=4000, burn_in=400, chains=8)
    error = found.spread / math.sqrt(8)
    assert (error < 0.1).all()
    assert stationary(how) == pytest.approx(2.0, rel=0.03)  # d/2
    assert ((found.value - stationary(how)).abs() < 4 * error).all()
    assert (found.value - 2).abs().max() < 0.25


def test_the_pull_takes_from_the_estimate_what_theory_says():
    how = {"step": 0.01, "localization": 5.0, "nbeta": 2.0}
    found = measure(quadratic, torch.zeros(1, 4), [3], **how, draws=4000, burn_in=400, chains=8)
    assert stationary(how) < 0.8
    assert found.value.item() == pytest.approx(stationary(how), abs=4 * found.spread.item() / 2.8)


@pytest.mark.parametrize(("power", "known"), [(2, 1 / 4), (3, 1 / 6)])
def test_a_flat_minimum_counts_less(power: int, known: float):
    def flat(params: dict[str, torch.Tensor], batch: torch.Tensor | None) -> torch.Tensor:
        return params["w"][:, 0].pow(2 * power)

    found = measure(
        flat,
        torch.zeros(1, 1),
        [5],
        step=0.002,
        localization=0.0,
        nbeta=100.0,
        draws=8000,
        burn_in=1000,
        chains=32,
    )
    error = found.spread.item() / math.sqrt(32)
    assert error < 0.03
    assert found.value.item() == pytest.approx(known, abs=4 * error)


def test_two_crossing_valleys_count_one_half_less_what_their_multiplicity_takes():
    """(w1 w2)² has λ = 1/2 with multiplicity 2: the mean loss is below λ by about 1/ln nβ."""
    how = {"step": 0.001, "localization": 4.0, "nbeta": 300.0}
    exact = how["nbeta"] * tempered_mean_loss(
        lambda w: (w[..., 0] * w[..., 1]) ** 2, how["nbeta"], how["localization"], 2, 4.0, 2001
    )
    assert 0.25 < exact < 0.5
    found = measure(crossing, torch.zeros(1, 2), [7], **how, draws=4000, burn_in=1000, chains=32)
    error = found.spread.item() / math.sqrt(32)
    assert error < 0.03
    assert found.value.item() == pytest.approx(exact, abs=4 * error)


def test_a_chain_steps_as_it_is_written():
    start = torch.tensor([[0.3, -0.2, 0.5, 1.0]])
    found = measure(quadratic, start, [11], draws=20, chains=2, step=0.02)
    for chain in range(2):
        stream = generator(11, f"llc/chain {chain}")
        noise = np.stack([torch.randn(4, generator=stream).double().numpy() for _ in range(20)])
        a = CURVATURES.double().numpy()
        losses = slow_langevin(
            start[0].double().numpy(),
            lambda w, a=a: float((a * w * w).sum() / 2),
            lambda w, a=a: a * w,
            noise,
            step=0.02,
            localization=5.0,
            nbeta=2.0,
        )
        assert found.trace[0, chain].tolist() == pytest.approx(losses, rel=1e-4)
    at_start = quadratic({"w": start}, None).item()
    assert found.loss.item() == pytest.approx(at_start)
    expected = 2.0 * (found.trace.mean().item() - at_start)
    assert found.value.item() == pytest.approx(expected, rel=1e-5)


def test_a_network_is_measured_the_same_in_any_company():
    starts = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    together = measure(quadratic, starts, [4, 5, 4], draws=30, chains=2)
    for i, seed in enumerate([4, 5, 4]):
        alone = measure(quadratic, starts[i : i + 1], [seed], draws=30, chains=2)
        assert torch.equal(alone.trace[0], together.trace[i])
    assert not torch.equal(together.trace[0], together.trace[1])


def test_rows_are_drawn_without_replacement_and_the_base_is_the_whole_loss():
    seen: list[torch.Tensor | None] = []

    def loss(params: dict[str, torch.Tensor], batch: torch.Tensor | None) -> torch.Tensor:
        seen.append(batch)
        rows = torch.zeros(2, 1, dtype=torch.long) if batch is None else batch
        return params["w"].square().sum(1) + rows.double().mean(1)

    found = measure(loss, torch.zeros(2, 4), [1, 2], draws=5, batch_size=10)
    assert seen[0] is None
    batches = [batch for batch in seen[1:] if batch is not None]
    assert len(batches) == 5
    for batch in batches:
        assert batch.shape == (2, 10)
        assert all(len(set(row.tolist())) == 10 for row in batch)
        assert set(batch.flatten().tolist()) <= set(range(100))
    assert not torch.equal(batches[0], batches[1])
    assert found.spread.isnan().all()


def test_untrained_constants_stay_where_they_are():
    def loss(params: dict[str, torch.Tensor], batch: torch.Tensor | None) -> torch.Tensor:
        assert params["rate"].tolist() == [0.5, 0.5, 0.75, 0.75]
        return params["rate"] * params["w"].square().sum(1)

    params = {"w": torch.zeros(2, 3), "rate": torch.tensor([0.5, 0.75])}
    how = Langevin(draws=3, chains=2)
    found = llc(params, loss, seeds=[1, 1], n_rows=9, settings=how, trained=["w"])
    assert found.value.isfinite().all()
    assert params["w"].abs().max() == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("step", 0.0),
        ("nbeta", -1.0),
        ("localization", -0.1),
        ("draws", 0),
        ("chains", 0),
        ("burn_in", -1),
        ("batch_size", 0),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, value: float):
    with pytest.raises(SettingError, match=f"`{setting}` must be"):
        Langevin(**{setting: value})


def test_a_batch_has_at_most_all_rows():
    with pytest.raises(SettingError, match="at most the 100 training rows"):
        measure(quadratic, torch.zeros(1, 4), [1], batch_size=101)
