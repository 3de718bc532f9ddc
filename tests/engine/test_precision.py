"""Products of rounded factors: which bits are kept, forward and backward, and nothing else."""

import pytest
import torch

from engine.populations import MLP, NANDA, Network, World, distance, same, trained, weights
from grokscope.engine.precision import MatmulPrecision, multiplied_in
from grokscope.models import Model

CPU = torch.device("cpu")
BITS: dict[MatmulPrecision, int] = {"tf32": 10, "bf16": 7}


def rounded(x: torch.Tensor, bits: int) -> torch.Tensor:
    """The slow way: scale each number so that the bits to keep stand before the point."""
    mantissa, exponent = torch.frexp(x.double())
    scaled = mantissa * 2.0 ** (bits + 1)
    return torch.ldexp(scaled.round() / 2.0 ** (bits + 1), exponent).float()


@pytest.mark.parametrize("precision", BITS)
def test_factors_are_rounded_in_products_and_their_gradients(precision: MatmulPrecision):
    stream = torch.Generator().manual_seed(0)
    a, b, passed = (torch.randn(2, n, m, generator=stream) for n, m in ((5, 7), (7, 3), (5, 3)))
    a.requires_grad_()
    b.requires_grad_()
    with multiplied_in(precision, CPU):
        product = torch.bmm(a, b)
        by_a, by_b = torch.autograd.grad(product, (a, b), passed)
    ra, rb, rp = (rounded(x.detach(), BITS[precision]) for x in (a, b, passed))
    assert torch.allclose(product, ra @ rb, rtol=1e-6, atol=1e-6)
    assert torch.allclose(by_a, rp @ rb.mT, rtol=1e-6, atol=1e-6)
    assert torch.allclose(by_b, ra.mT @ rp, rtol=1e-6, atol=1e-6)
    assert not torch.equal(product, a @ b)


@pytest.mark.parametrize("precision", BITS)
def test_what_is_added_to_a_product_is_not_rounded(precision: MatmulPrecision):
    base = torch.full((1, 2, 2), 1 + 2.0**-20)
    with multiplied_in(precision, CPU):
        assert torch.equal(torch.baddbmm(base, torch.zeros(1, 2, 3), torch.zeros(1, 3, 2)), base)


@pytest.mark.parametrize("model", [NANDA, MLP], ids=["nanda2023", "mlp"])
@pytest.mark.parametrize("precision", BITS)
def test_a_population_trains_with_rounded_factors(model: Model, precision: MatmulPrecision):
    networks = [Network(model=model, seed=s) for s in (1, 2)]
    plain = World(dtype=torch.float32)
    full = trained(plain.population(networks), 12)
    rough = trained(World(dtype=torch.float32, matmul_precision=precision).population(networks), 12)
    for i in range(2):
        assert not same(weights(full, i), weights(rough, i))
        assert distance(weights(full, i), weights(rough, i)) < 0.1


def test_full_precision_is_torchs_own_product():
    a, b = torch.randn(2, 4, 4), torch.randn(2, 4, 4)
    with multiplied_in("full", CPU):
        assert torch.equal(torch.bmm(a, b), a @ b)
