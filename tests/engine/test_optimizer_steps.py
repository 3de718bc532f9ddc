"""Steps of every optimizer against a slow reference around torch's own, network by network."""

from dataclasses import replace

import pytest
import torch

from engine.optimizers import VARIANTS, follow_all, of_three
from grokscope.core.seeds import stream_seed
from grokscope.engine import SGD, AdamW, Muon, Optimizer
from grokscope.engine.muon import as_matrices, is_hidden, like_parameter, orthogonalised
from grokscope.engine.state import views
from grokscope.engine.update import Update
from grokscope.models.noise import gaussian, step_key
from reference.optimizers import follow, muon_in_full_precision

SHAPES = {"W_E": (5, 4), "W_in": (4, 9), "b_in": (9,), "W_out": (9, 4), "W_U": (4, 5)}
WIDTH = sum(torch.Size(shape).numel() for shape in SHAPES.values())
STEPS = 20


def start(dtype: torch.dtype) -> torch.Tensor:
    stream = torch.Generator().manual_seed(1)
    return torch.randn(3, WIDTH, generator=stream, dtype=torch.float64).to(dtype)


def gradients(dtype: torch.dtype) -> torch.Tensor:
    """(step, network, parameter), with a slow part and over several orders of magnitude."""
    stream = torch.Generator().manual_seed(0)
    slow = torch.randn(3, WIDTH, generator=stream, dtype=torch.float64)
    fast = torch.randn(STEPS, 3, WIDTH, generator=stream, dtype=torch.float64)
    scale = 10 ** torch.linspace(-2, 1, WIDTH, dtype=torch.float64)
    return ((slow + fast) * scale).to(dtype)


NOISELESS = {n: v for n, v in VARIANTS.items() if not v.gradient_noise and not v.weight_noise}


@pytest.mark.parametrize("name", NOISELESS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_twenty_steps_are_those_of_the_reference(name: str, dtype: torch.dtype, tolerance: float):
    settings, slopes = of_three(NOISELESS[name]), gradients(dtype)
    ours = follow_all(settings, SHAPES, start(dtype), slopes)
    for i, own in enumerate(settings):
        with muon_in_full_precision():
            theirs = follow(own, SHAPES, start(dtype)[i].double(), list(slopes[:, i].double()))
        moved = (theirs - start(dtype)[i]).norm()
        assert moved > 1e-2
        assert (ours[i] - theirs).norm() <= tolerance * theirs.norm(), own


def test_muon_is_torchs_own_but_for_its_precision():
    """Five steps in bfloat16 change what they make orthogonal by a few hundredths."""
    slopes = gradients(torch.float32)[:3]
    own = Muon(adam_lr=0.0)
    ours = follow_all([own], SHAPES, start(torch.float32)[:1], slopes[:, :1])[0]
    theirs = follow(own, SHAPES, start(torch.float32)[0], list(slopes[:, 0]))
    moved = (theirs - start(torch.float32)[0]).norm()
    assert 0 < (ours - theirs).norm() < 0.03 * moved


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int]):
    matrices = torch.randn(5, *shape, generator=torch.Generator().manual_seed(2))
    u, s, v = torch.linalg.svd(matrices.double(), full_matrices=False)
    s = s / s.square().sum(1, keepdim=True).sqrt()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    expected = u @ torch.diag_embed(s) @ v
    assert torch.allclose(orthogonalised(matrices).double(), expected, atol=1e-4)
    assert 0.6 < s[:, :-1].min() <= s.max() < 1.3


def test_heads_count_as_one_matrix():
    generator = torch.Generator().manual_seed(3)
    W_Q = torch.randn(2, 3, 6, 4, generator=generator)
    W_O = torch.randn(2, 3, 4, 6, generator=generator)
    x = torch.randn(6, generator=generator)
    by_head = torch.einsum("d,mhdk->mhk", x, W_Q).flatten(1)
    assert torch.allclose(torch.einsum("d,mdk->mk", x, as_matrices("W_Q", W_Q)), by_head)
    z = torch.randn(2, 3, 4, generator=generator)
    added = torch.einsum("mhk,mhkd->md", z, W_O)
    merged = torch.einsum("mk,mkd->md", z.flatten(1), as_matrices("W_O_1", W_O))
    assert torch.allclose(merged, added, atol=1e-6)
    for name, value in (("W_Q", W_Q), ("W_O_1", W_O)):
        assert torch.equal(like_parameter(name, as_matrices(name, value), value), value)


@pytest.mark.parametrize(
    ("name", "shape", "hidden"),
    [
        ("W_in", (4, 6), True),
        ("W_O_1", (2, 4, 6), True),
        ("W_E", (11, 4), False),
        ("W_pos", (3, 4), False),
        ("W_U", (4, 11), False),
        ("b_in", (6,), False),
    ],
)
def test_muon_moves_hidden_matrices(name: str, shape: tuple[int, ...], hidden: bool):
    assert is_hidden(name, shape) is hidden


def test_noise_on_the_gradient_is_drawn_from_seed_and_step():
    settings = [SGD(lr=1.0, momentum=0.0, gradient_noise=sigma) for sigma in (0.5, 0.0, 2.0)]
    update = Update(settings, {"W": (1000,)})
    state = update.begin(torch.zeros(3, 1000), settings)
    (now,) = update.coefficients(settings, [7, 7, 7], 1)
    own = update.own(settings, [3, 4, 5])
    key = update.keys(own, torch.full((3, 1), 7.0, dtype=torch.float64))
    update.move(state, torch.zeros(3, 1000), now.float(), own, key)
    for i, sigma in enumerate((0.5, 0.0, 2.0)):
        seed = torch.tensor([stream_seed(3 + i, "noise")])
        drawn = gaussian(step_key(seed, torch.tensor([7])), 1000, -1)[0]
        assert torch.allclose(state["theta"][i], -sigma * drawn)
    assert 1.9 < float(state["theta"][2].std()) < 2.1


def norms(theta: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: w.flatten(1).norm(dim=1) for name, w in views(theta, SHAPES).items()}


def test_a_gradient_without_its_radial_part_leaves_norms_to_first_order():
    small = [SGD(lr=1e-4, momentum=0.0, orthogonal=True)]
    theta, slopes = start(torch.float64)[:1], gradients(torch.float64)[:1, :1]
    after = norms(follow_all(small, SHAPES, theta, slopes))
    plain = norms(follow_all([replace(small[0], orthogonal=False)], SHAPES, theta, slopes))
    for name, before in norms(theta).items():
        assert abs(after[name] - before) < 0.05 * abs(plain[name] - before)


def test_patterns_name_what_is_frozen_rescaled_and_undecayed():
    own = AdamW(frozen="W_o* b_in", undecayed="W_?", lr_factors="W_E=10 W_*=0.5", warmup_steps=0)
    found = Update([own], SHAPES).own([own], [0])
    factors = {"lr_factor": [5, 0.5, 0, 0, 0.5], "decay_factor": [0, 1, 1, 1, 0]}
    for name, expected in factors.items():
        each = [float(part.flatten()[0]) for part in views(found[name], SHAPES).values()]
        assert each == expected, name
    moved = follow_all([own], SHAPES, start(torch.float32)[:1], gradients(torch.float32)[:, :1])
    still = views(moved - start(torch.float32)[:1], SHAPES)
    assert {name for name, part in still.items() if (part == 0).all()} == {"W_out", "b_in"}


@pytest.mark.parametrize("kind", [AdamW, SGD, Muon])
@pytest.mark.parametrize("setting", ["frozen", "undecayed", "lr_factors"])
def test_a_pattern_without_a_parameter_is_refused(kind: type[Optimizer], setting: str):
    own = kind(**{setting: "W_X=2" if setting == "lr_factors" else "W_X"})
    with pytest.raises(
        ValueError, match=rf"`{setting}` must be names or patterns of parameters \(W_E"
    ):
        Update([own], SHAPES)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (AdamW(), SGD(), "`optimizer` must be the same .*, got 'AdamW and SGD'"),
        (AdamW(), AdamW(decay="l2"), "`decay` must be the same .*, got 'decoupled and l2'"),
        (SGD(), SGD(nesterov=True), "`nesterov` must be the same .*, got 'False and True'"),
        (Muon(grokfast="ema"), Muon(), "`grokfast` must be the same .*, got 'ema and none'"),
    ],
)
def test_networks_of_one_population_have_one_kind_of_optimizer(
    one: Optimizer, other: Optimizer, message: str
):
    with pytest.raises(ValueError, match=message):
        Update([one, other], SHAPES)


@pytest.mark.parametrize(
    ("kind", "setting", "value", "rule"),
    [
        (SGD, "momentum", 1.0, r"in \[0, 1\)"),
        (Muon, "adam_beta2", -0.1, r"in \[0, 1\)"),
        (Muon, "adam_lr", -1.0, "at least 0"),
        (AdamW, "gradient_noise", -1.0, "at least 0"),
        (AdamW, "grokfast_alpha", 1.0, r"in \[0, 1\)"),
        (AdamW, "grokfast_window", 0, "at least 1"),
        (AdamW, "fixed_norm", 0.0, "greater than 0"),
        (AdamW, "lr_factors", "W_E", "names or patterns of parameters with a num"),
        (AdamW, "lr_factors", "W_E=-1", "of factors of at least 0"),
    ],
)
def test_bad_settings_are_refused(kind: type[Optimizer], setting: str, value: object, rule: str):
    with pytest.raises(ValueError, match=f"`{setting}` must be {rule}"):
        kind(**{setting: value})


TORCHS = {
    "adamw": (AdamW(warmup_steps=0), torch.optim.AdamW, {"betas": (0.9, 0.98)}),
    "adam, l2": (AdamW(warmup_steps=0, decay="l2"), torch.optim.Adam, {"betas": (0.9, 0.98)}),
    "sgd": (SGD(lr=0.01), torch.optim.SGD, {"momentum": 0.9}),
    "sgd, nesterov": (
        SGD(lr=0.01, nesterov=True),
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True},
    ),
}


@pytest.mark.parametrize("name", TORCHS)
def test_decay_is_torchs_own_too(name: str):
    own, kind, rest = TORCHS[name]
    own, slopes = replace(own, weight_decay=0.3), gradients(torch.float64)[:, :1]
    w = torch.nn.Parameter(start(torch.float64)[0])
    torchs = kind([w], lr=own.lr, weight_decay=0.3, **rest)
    for slope in slopes[:, 0]:
        w.grad = slope.clone()
        torchs.step()
    ours = follow_all([own], SHAPES, start(torch.float64)[:1], slopes)[0]
    assert (ours - w.detach()).norm() <= 1e-12 * w.norm()
