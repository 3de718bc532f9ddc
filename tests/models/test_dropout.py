"""Dropout: which numbers go, what stays of a network, and that looks know nothing of it."""

from dataclasses import replace

import pytest
import torch

from grokscope.models import CausalDecoder, Parameters, Rows, Vocab, dropout
from grokscope.models.dropout import Dropout

VOCAB = Vocab(d_vocab=5, n_classes=5, n_slots=3)
ROWS = Rows(torch.cartesian_prod(*[torch.arange(5)] * 3).expand(2, -1, -1))
MODEL = CausalDecoder(
    d_model=12, n_heads=2, n_layers=1, norm="none", dropout=0.25, init_like="torch"
)


def parameters(model: CausalDecoder, *key: int) -> Parameters:
    drawn = {k: v.double() for k, v in model.init(VOCAB, [0, 1]).items()}
    return drawn | ({"noise_key": torch.tensor(key)} if key else {})


def test_a_share_is_dropped_and_the_mean_stays():
    x = torch.ones(2, 300, 200, dtype=torch.float64)
    found = Dropout(0.3, torch.tensor([7, 8]))(x, 3)
    assert set(found.unique().tolist()) == {0.0, 1 / 0.7}
    for own in found:
        assert (own == 0).double().mean() == pytest.approx(0.3, abs=0.01)
        assert own.mean() == pytest.approx(1.0, abs=0.01)
    assert not torch.equal(found[0], found[1])


def test_sites_and_keys_have_masks_of_their_own():
    x = torch.ones(1, 4000)
    masks = [Dropout(0.5, torch.tensor([key]))(x, site)[0] for key in range(4) for site in range(4)]
    correlation = torch.corrcoef(torch.stack(masks))
    assert (correlation - torch.eye(16)).abs().max() < 0.1


@pytest.mark.parametrize("at", ["residual", "hidden", "all"])
def test_a_key_decides_and_without_one_nothing_is_dropped(at: str):
    model = replace(MODEL, dropout_at=at)  # pyright: ignore
    once, again = (model.readout(parameters(model, 3, 4), ROWS) for _ in range(2))
    other = model.readout(parameters(model, 3, 5), ROWS)
    assert torch.equal(once, again)
    assert torch.equal(once[0], other[0])
    assert not torch.allclose(once[1], other[1])
    plain = model.forward(parameters(model), ROWS.inputs)
    assert torch.allclose(model.readout(parameters(model), ROWS), plain, rtol=1e-10)
    assert not torch.allclose(once, plain)
    assert model.needs_noise
    assert not replace(model, dropout=0.0).needs_noise


def test_behind_the_hidden_layer_the_mean_of_many_is_the_whole_network():
    """Where there is no norm behind it the logits are linear in its activations."""
    model = replace(MODEL, dropout_at="hidden")
    several = [model.readout(parameters(model, i, 1000 + i), ROWS) for i in range(400)]
    found = torch.stack(several)
    error = (found.mean(0) - model.readout(parameters(model), ROWS)) / found.std(0) * 20
    assert error.abs().max() < 5.5
    assert error.square().mean() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(("at", "per_layer"), [("residual", 3), ("hidden", 1), ("all", 4)])
def test_every_site_is_dropped_from_a_stream_of_its_own(
    at: str, per_layer: int, monkeypatch: pytest.MonkeyPatch
):
    streams: list[int] = []
    draw = dropout.uniform

    def noted(key: torch.Tensor, n: int, stream: int) -> torch.Tensor:
        streams.append(stream)
        return draw(key, n, stream)

    monkeypatch.setattr(dropout, "uniform", noted)
    model = replace(MODEL, n_layers=3, dropout_at=at)  # pyright: ignore
    model.readout(parameters(model, 1, 2), ROWS)
    assert len(streams) == len(set(streams)) == 3 * per_layer + (at != "hidden")
