"""Laws of every registered model: fast path equals plain forward, published initial values."""

from dataclasses import replace

import pytest
import torch

from grokscope.core.errors import SettingError
from grokscope.models import (
    MODELS,
    CausalDecoder,
    Decoder,
    DeepTransformer,
    DenseMLP,
    DiagonalLinear,
    EmbeddingMLP,
    Hook,
    Model,
    OneLayerTransformer,
    Rows,
    Vocab,
)
from grokscope.models.norm_free import NormFreeTransformer

VOCAB = Vocab(d_vocab=11, n_classes=11)
VARIANTS: dict[str, Model] = {
    "nanda2023": OneLayerTransformer(d_model=16, n_heads=2),
    "nanda2023, gelu": OneLayerTransformer(d_model=16, n_heads=2, activation="gelu"),
    "zhong2023": OneLayerTransformer(
        d_model=16, n_heads=4, equals_token=False, causal=False, init_like="zhong2023"
    ),
    "zhong2023, separate": OneLayerTransformer(
        d_model=16, n_heads=4, equals_token=False, causal=False, separate_vocab=True
    ),
    "zhong2023, equals, separate": OneLayerTransformer(
        d_model=16, n_heads=4, causal=False, separate_vocab=True, activation="square"
    ),
    "deep": DeepTransformer(d_model=16, n_heads=2),
    "deep, few outputs": DeepTransformer(d_model=32, d_mlp=20, separate_vocab=False),
    "deep, equals": DeepTransformer(d_model=16, n_heads=4, n_layers=3, equals_token=True),
    "deep, causal": DeepTransformer(d_model=12, n_heads=1, n_layers=3, causal=True),
    "deep, causal, equals, separate": DeepTransformer(
        d_model=12, equals_token=True, causal=True, separate_vocab=True, activation="gelu"
    ),
    "deep, separate": DeepTransformer(
        d_model=16, n_layers=4, separate_vocab=True, activation="square", init_like="nanda2023"
    ),
    "decoder": Decoder(d_model=16, n_heads=2),
    "decoder, 1 layer": Decoder(d_model=12, n_heads=4, n_layers=1, d_mlp=10),
    "decoder, 3 layers": Decoder(d_model=12, n_heads=1, n_layers=3),
    "mlp sum": EmbeddingMLP(d_model=16, d_hidden=24),
    "mlp concat": EmbeddingMLP(d_model=16, d_hidden=24, combine="concat", activation="gelu"),
    "mlp deep": EmbeddingMLP(d_model=16, d_hidden=24, n_hidden_layers=3, activation="square"),
    "mlp separate": EmbeddingMLP(d_model=16, d_hidden=24, separate_vocab=True),
    "mlp concat separate": EmbeddingMLP(
        d_model=16, d_hidden=24, separate_vocab=True, combine="concat"
    ),
    "mlp sum of three": EmbeddingMLP(d_model=16, d_hidden=24),
    "mlp concat of three, separate": EmbeddingMLP(
        d_model=16, d_hidden=24, separate_vocab=True, combine="concat"
    ),
    "mlp concat of one": EmbeddingMLP(d_model=16, d_hidden=24, combine="concat"),
    "prieto2025": DenseMLP(d_hidden=20, bias=False),
    "gromov2023": DenseMLP(
        d_hidden=24,
        n_hidden_layers=1,
        activation="square",
        bias=False,
        init_like="normal",
        output_factor=1 / (24 * 22),
    ),
    "dense of bits": DenseMLP(d_hidden=40, n_hidden_layers=1),
    "dense of bits, gelu": DenseMLP(d_hidden=10, n_hidden_layers=3, activation="gelu"),
    "teacher of omnigrok": DenseMLP(d_hidden=12, activation="tanh", output_factor=0.5),
    "dense of numbers": DenseMLP(d_hidden=12, n_hidden_layers=1, bias=False),
    "linear": DenseMLP(n_hidden_layers=0),
    "linear of tokens": DenseMLP(n_hidden_layers=0, bias=False, output_factor=3.0),
    "gpt2": CausalDecoder(d_model=16),
    "gpt2, rows of any length": CausalDecoder(d_model=16, n_heads=2),
    "gpt2, =, rows of any length": CausalDecoder(
        d_model=16, n_heads=2, n_layers=1, equals_token=True, unembed="classes"
    ),
    "stockeh": CausalDecoder(
        d_model=16,
        n_heads=1,
        positions="rotary",
        rotary_base=1e6,
        norm="rms",
        activation="swiglu",
        bias=False,
        unembed="tokens",
        operator_token=True,
        equals_token=True,
        init_like="torch",
    ),
    "rotary, rows of any length": CausalDecoder(
        d_model=12, n_heads=3, n_layers=3, positions="rotary", norm="rms", norm_place="post"
    ),
    "sea-snell": CausalDecoder(
        d_model=16,
        unembed="classes",
        scale_embeddings=True,
        operator_token=True,
        equals_token=True,
        init_like="torch",
    ),
    "no norm": CausalDecoder(
        d_model=16, n_layers=1, norm="none", bias=False, unembed="tokens", equals_token=True
    ),
    "post-norm": CausalDecoder(
        d_model=16, positions="sinusoidal", norm_place="post", activation="relu", d_mlp=10
    ),
    "diagonal": DiagonalLinear(),
    "diagonal, one target": DiagonalLinear(two_classes=False),
}
THREE, BITS = Vocab(d_vocab=11, n_classes=11, n_slots=3), Vocab(d_vocab=2, n_classes=2, n_slots=9)
BITS_OF_SUMS = replace(BITS, n_classes=10)
NUMBERS, ONE = (Vocab(d_vocab=0, n_classes=n, n_slots=5) for n in (2, 1))
PADDED = Vocab(d_vocab=11, n_classes=7, n_slots=4, is_padded=True)
VOCABS = {
    "gpt2, rows of any length": PADDED,
    "gpt2, =, rows of any length": replace(PADDED, n_classes=13),
    "rotary, rows of any length": PADDED,
    "mlp sum of three": THREE,
    "mlp concat of three, separate": THREE,
    "mlp concat of one": Vocab(d_vocab=11, n_classes=4, n_slots=1),
    "dense of bits": BITS,
    "dense of bits, gelu": BITS,
    "teacher of omnigrok": Vocab(d_vocab=0, n_classes=5, n_slots=5),
    "dense of numbers": NUMBERS,
    "linear": NUMBERS,
    "diagonal": NUMBERS,
    "diagonal, one target": ONE,
}
TWO_TOKENS = [name for name in VARIANTS if VOCABS.get(name, VOCAB) == VOCAB]
OF_TOKENS = [name for name in VARIANTS if VOCABS.get(name, VOCAB).d_vocab]
RATES = (0.0, 0.4, 1.0)


def _drawn(name: str) -> dict[str, torch.Tensor]:
    return VARIANTS[name].init(VOCABS.get(name, VOCAB), [3, 4, 5])


def _stack(name: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Three networks; transformers with three attention rates."""
    model = VARIANTS[name]
    params = {k: v.to(dtype) for k, v in _drawn(name).items()}
    if isinstance(model, DiagonalLinear):  # whose initial values are all the same
        stream = torch.Generator().manual_seed(0)
        params = {k: v + torch.randn(v.shape, generator=stream) for k, v in params.items()}
    networks: list[Model] = [model] * 3
    if isinstance(model, NormFreeTransformer):
        networks = [replace(model, attention_rate=rate) for rate in RATES]
    return params | model.constants(networks)


def _rows(name: str, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Fifty rows for each of three networks."""
    vocab, streams = VOCABS.get(name, VOCAB), [torch.Generator().manual_seed(i) for i in range(3)]
    shape = (50, vocab.n_slots)
    if not vocab.d_vocab:
        return torch.stack([torch.randn(shape, generator=g, dtype=dtype) for g in streams])
    if vocab == VOCAB:
        table = torch.cartesian_prod(torch.arange(11), torch.arange(11))
        return torch.stack([table[torch.randperm(121, generator=g)[:50]] for g in streams])
    rows = torch.stack([torch.randint(vocab.d_vocab, shape, generator=g) for g in streams])
    if vocab.is_padded:
        rows[:, :20, 3:] = -1
        rows[:, :10, 2:] = -1
        rows[:, 0, 1:] = -1
    return rows


def _at_the_end(name: str, inputs: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Where a row's answer is read: at its last token."""
    model = VARIANTS[name]
    if value.dim() == 3:
        return value
    if not isinstance(model, CausalDecoder):
        return value[:, :, -1]
    last = (inputs >= 0).sum(-1) - 1 + model.equals_token + model.operator_token
    return value.take_along_dim(last[..., None, None], 2).squeeze(2)


def test_every_registered_model_has_a_variant_here():
    assert {type(model) for model in VARIANTS.values()} == set(MODELS.values())


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_readout_equals_plain_forward(name: str, dtype: torch.dtype, tolerance: float):
    model, inputs = VARIANTS[name], _rows(name, dtype)
    params = _stack(name, dtype)
    plain, fast = model.forward(params, inputs), model.readout(params, Rows(inputs))
    assert fast.shape == plain.shape
    assert (plain - fast).norm() <= tolerance * plain.norm()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_look_sees_the_readout_and_the_neurons(name: str):
    model, rows = VARIANTS[name], Rows(_rows(name))
    params = _stack(name, torch.float64)
    logits, neurons = model.observe(params, rows)
    torch.testing.assert_close(logits, model.readout(params, rows))
    torch.testing.assert_close(neurons, model.neurons(params, rows))


@pytest.mark.parametrize("name", VARIANTS)
def test_readout_and_plain_forward_have_the_same_gradients(name: str):
    model, inputs = VARIANTS[name], _rows(name)
    constants = model.constants([model] * 3)
    stack = _stack(name, torch.float64)
    trained = {k: v.requires_grad_() for k, v in stack.items() if k not in constants}
    weights = torch.randn(3, 50, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gradients = []
    for path, seen in ((model.forward, inputs), (model.readout, Rows(inputs))):
        loss = (path(trained | constants, seen).tanh() * weights).sum()
        gradients.append(torch.autograd.grad(loss, list(trained.values()), allow_unused=True))
    for key, plain, fast in zip(trained, *gradients, strict=True):
        expected = torch.zeros_like(trained[key]) if plain is None else plain
        assert fast is not None, key
        assert (expected - fast).norm() <= 1e-10 * (1 + expected.norm()), key


@pytest.mark.parametrize("name", TWO_TOKENS)
def test_a_model_is_called_symmetric_if_the_order_of_its_operands_does_not_matter(name: str):
    model, inputs = VARIANTS[name], _rows(name)
    params = _stack(name, torch.float64)
    one, other = (model.forward(params, some) for some in (inputs, inputs.flip(-1)))
    assert torch.allclose(one, other, rtol=1e-12, atol=1e-12) == model.is_symmetric


@pytest.mark.parametrize("name", VARIANTS)
def test_networks_do_not_see_their_neighbours(name: str):
    model, inputs = VARIANTS[name], _rows(name)
    params = _stack(name, torch.float64)
    together = model.readout(params, Rows(inputs))
    for i in range(3):
        one = {k: v[i : i + 1] for k, v in params.items()}
        alone = model.readout(one, Rows(inputs[i : i + 1]))
        assert torch.allclose(together[i], alone[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", VARIANTS)
def test_initial_values_depend_on_the_seed_alone(name: str):
    three, one = _drawn(name), VARIANTS[name].init(VOCABS.get(name, VOCAB), [4])
    for key in three:
        assert torch.equal(three[key][1], one[key][0])
        # biases start at 0, LayerNorm as the identity, the diagonal network at 1
        if "b_" not in key and not key.startswith("ln") and "diagonal" not in name:
            assert not torch.equal(three[key][0], three[key][1])


@pytest.mark.parametrize("name", VARIANTS)
def test_neurons_and_their_map_are_what_the_plain_forward_shows(name: str):
    model, inputs = VARIANTS[name], _rows(name)
    params = _stack(name, torch.float64)
    seen: dict[str, torch.Tensor] = {}
    model.forward(params, inputs, lambda key, value: seen.__setitem__(key, value))
    posts = [key for key in seen if key.startswith("post")]
    if not posts:  # of a linear model
        plain = model.neurons(params, Rows(inputs)) @ model.neuron_to_logit(params)
        shift = params["b_U"].unsqueeze(1) if "b_U" in params else 0.0
        assert torch.allclose(plain + shift, seen["logits"])
        return
    last = posts[-1]
    post = _at_the_end(name, inputs, seen[last])
    assert torch.allclose(model.neurons(params, Rows(inputs)), post, rtol=1e-10, atol=1e-12)
    step = torch.zeros_like(post)
    step[..., 2] = 1.0
    # behind a LayerNorm the map is linear up to a division by each row's own scale
    keys = (last.replace("post", "ln2_scale"), "ln_final_scale")
    scale = next((key for key in reversed(keys) if key in seen), None)
    divisor = 1.0 if scale is None else _at_the_end(name, inputs, seen[scale])

    def move(key: str, value: torch.Tensor) -> torch.Tensor | None:
        return _shift(value, step) if key == last else seen[key] if key == scale else None

    moved = model.forward(params, inputs, move)
    expected = model.neuron_to_logit(params)[:, None, 2] / divisor + model.forward(params, inputs)
    assert torch.allclose(moved, expected.expand_as(moved), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", OF_TOKENS)
def test_replaced_embeddings_flow_on_as_other_weights_do(name: str):
    model, inputs = VARIANTS[name], _rows(name)
    params = _stack(name, torch.float64)
    # of one-hot vectors the first weight matrix has the embeddings
    table = next(key for key in ("W_E", "W_in", "W_U") if key in params)
    other = torch.randn(params[table].shape, generator=torch.Generator().manual_seed(9)).double()
    seen: list[torch.Tensor] = []
    changed = params | {table: other}
    if isinstance(model, CausalDecoder) and model.unembed == "tied":
        changed |= {"W_U": params["W_E"].mT}
        model = replace(model, unembed="tokens")
    expected = model.forward(changed, inputs, _embeddings_to(seen))
    assert seen[0].shape[:2] == inputs.shape[:2]
    assert seen[0].shape[3:] == params[table].shape[2:]
    model = VARIANTS[name]
    found = model.forward(params, inputs, lambda key, _: seen[0] if key == "embed" else None)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-15)
    assert not torch.allclose(found, model.forward(params, inputs))


def _embeddings_to(seen: list[torch.Tensor]) -> Hook:
    return lambda key, value: seen.append(value) if key == "embed" else None


@pytest.mark.parametrize("name", OF_TOKENS)
def test_embeddings_are_shown_as_they_are_in_the_weights(name: str):
    model, inputs = VARIANTS[name], _rows(name)
    params = _stack(name, torch.float64)
    seen: list[torch.Tensor] = []
    model.forward(params, inputs, _embeddings_to(seen))
    has_operator = isinstance(model, Decoder) or getattr(model, "operator_token", False)
    tables = model.operand_embeddings(params, VOCABS.get(name, VOCAB).d_vocab)
    for slot in range(min(inputs.shape[2], tables.shape[1])):
        complete = inputs[:, 20:, slot]  # the first rows may be shorter
        rows = [table[row] for table, row in zip(tables[:, slot], complete, strict=True)]
        position = slot * (2 if has_operator else 1)
        assert torch.equal(seen[0][:, 20:, position], torch.stack(rows))


def _shift(value: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    return value + (step if value.dim() == 3 else step.unsqueeze(2))


def test_published_initial_scales():
    vocab = Vocab(d_vocab=113, n_classes=113)
    params = OneLayerTransformer().init(vocab, [0])
    assert params["W_E"].shape == (1, 114, 128)
    assert params["W_U"].shape == (1, 128, 114)
    expected = {"W_E": 128, "W_pos": 128, "W_Q": 128, "W_O": 128, "W_in": 128, "W_U": 114}
    for name, variance in expected.items():
        assert params[name].std() == pytest.approx(variance**-0.5, rel=0.1)
    zhong = OneLayerTransformer(init_like="zhong2023").init(vocab, [0])
    assert zhong["W_in"].std() == pytest.approx(512**-0.5, rel=0.05)
    decoder = Decoder().init(vocab, [0])
    assert decoder["W_E"].std() == pytest.approx(1, rel=0.05)
    for name, fan_in in {"W_Q": 128, "W_O_1": 128, "W_in_1": 128, "W_out": 512, "W_U": 128}.items():
        assert decoder[name].abs().max() == pytest.approx(fan_in**-0.5, rel=0.01)
    dense = DenseMLP().init(vocab, [0])
    for name, fan_in in {"W_in": 226, "b_in": 226, "W_hidden_1": 200, "W_U": 200}.items():
        assert dense[name].abs().max() == pytest.approx(fan_in**-0.5, rel=0.02)
    assert VARIANTS["gromov2023"].init(vocab, [0])["W_in"].std() == pytest.approx(1, rel=0.05)
    mlp = EmbeddingMLP().init(vocab, [0])
    assert mlp["W_E"].std() == pytest.approx(128**-0.5, rel=0.05)
    assert mlp["W_in"].abs().max() == pytest.approx(1 / 16, rel=0.01)


@pytest.mark.parametrize(
    ("model", "vocab", "message"),
    [
        (EmbeddingMLP(), NUMBERS, "this takes tokens in rows of one length, got 'rows of 5 real n"),
        (OneLayerTransformer(), THREE, "this takes two tokens, got 'rows of 3 tokens'"),
        (Decoder(), replace(VOCAB, is_padded=True), "two tokens, got 'rows of up to 2 tokens'"),
        (EmbeddingMLP(), replace(THREE, is_padded=True), "one length, got 'rows of up to 3 tokens"),
        (DenseMLP(), replace(THREE, is_padded=True), "takes rows of one length, got 'rows of up"),
        (CausalDecoder(), NUMBERS, "this takes tokens, got 'rows of 5 real numbers'"),
        (CausalDecoder(operator_token=True), THREE, "two tokens, as `operator_token` is set, got"),
        (CausalDecoder(), BITS_OF_SUMS, r"`unembed` must be `classes` where .* tokens \(2\), got"),
        (DiagonalLinear(), VOCAB, "`model` must be one that takes such rows: this takes real num"),
        (DiagonalLinear(), ONE, "`two_classes` must be true for two classes, .* got True"),
        (DiagonalLinear(two_classes=False), NUMBERS, "true for two classes, .* got False"),
        (DiagonalLinear(), replace(NUMBERS, n_classes=3), "`model` must be one for so many outp"),
    ],
)
def test_a_task_that_a_model_has_no_input_for_is_refused(model: Model, vocab: Vocab, message: str):
    with pytest.raises(SettingError, match=message):
        model.require(vocab)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_model_takes_the_tasks_of_its_variants(name: str):
    VARIANTS[name].require(VOCABS.get(name, VOCAB))


def test_each_initial_parameter_is_multiplied_by_the_factors_whose_patterns_fit():
    model = DenseMLP(d_hidden=5, init_factors="W_*=2 b_?n=0 W_U=0.25")
    plain = model.init(NUMBERS, [0, 1])
    half = replace(model, init_scale=0.5, init_factors="")
    found = model.initial(NUMBERS, [model, half], [0, 1])
    expected = {"W_in": 2, "b_in": 0, "W_hidden_1": 2, "b_hidden_1": 1, "W_U": 0.5, "b_U": 1}
    assert expected.keys() == found.keys()
    for key, factor in expected.items():
        assert torch.equal(found[key][0], factor * plain[key][0])
        assert torch.equal(found[key][1], 0.5 * plain[key][1])
    assert model.stack_key() == half.stack_key()


def test_factors_of_parameters_that_are_not_there_are_refused():
    model = DenseMLP(n_hidden_layers=0, init_factors="W_U=2 W_E=0.5")
    with pytest.raises(SettingError, match=r"patterns of parameters \(W_U, b_U\), got 'W_E'"):
        model.initial(NUMBERS, [model], [0])


def test_the_diagonal_network_is_linear_in_its_inputs_with_squared_weights():
    params = {"W_plus": torch.tensor([[3.0, 1.0]]), "W_minus": torch.tensor([[2.0, 4.0]])}
    inputs = torch.tensor([[[1.0, 0.0], [1.0, 1.0], [0.0, -2.0]]])
    f = torch.tensor([[5.0, -10.0, 30.0]])
    one, two = DiagonalLinear(two_classes=False), DiagonalLinear()
    assert torch.equal(one.readout(params, Rows(inputs)), f.unsqueeze(2))
    assert torch.equal(two.readout(params, Rows(inputs)), torch.stack([-f / 2, f / 2], 2))
    start = two.initial(NUMBERS, [replace(two, init_scale=30.0)], [0])
    assert all(torch.equal(value, torch.full((1, 5), 30.0)) for value in start.values())


def test_attention_rate_zero_sums_the_values():
    model = VARIANTS["zhong2023"]
    params = _stack("zhong2023", torch.float64)
    patterns: dict[str, torch.Tensor] = {}
    model.forward(params, _rows("zhong2023"), lambda key, value: patterns.__setitem__(key, value))
    pattern = patterns["pattern"]
    assert torch.equal(pattern[0], torch.ones_like(pattern[0]))
    assert torch.allclose(pattern[2].sum(-1), torch.ones_like(pattern[2].sum(-1)))
    assert torch.allclose(pattern[1].sum(-1), torch.full_like(pattern[1].sum(-1), 0.4 + 0.6 * 2))


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (
            OneLayerTransformer,
            {"d_model": 30},
            "`d_model` must be a positive multiple of `n_heads`",
        ),
        (OneLayerTransformer, {"attention_rate": 1.5}, r"`attention_rate` must be in \[0, 1\]"),
        (OneLayerTransformer, {"d_mlp": 0}, "`d_mlp` must be at least 1, got 0"),
        (OneLayerTransformer, {"init_scale": 0.0}, "`init_scale` must be greater than 0"),
        (OneLayerTransformer, {"init_factors": "W_U"}, "patterns of .* a number each.* got 'W_U'"),
        (OneLayerTransformer, {"init_factors": "W_U=x"}, "`init_factors` must be .* got 'W_U=x'"),
        (OneLayerTransformer, {"init_factors": "W_U=nan"}, "got 'W_U=nan'"),
        (OneLayerTransformer, {"init_factors": "=2"}, "got '=2'"),
        (CausalDecoder, {"n_heads": 3}, "`d_model` must be a positive multiple of `n_heads` = 3"),
        (CausalDecoder, {"n_layers": 0}, "`n_layers` must be at least 1, got 0"),
        (CausalDecoder, {"d_mlp": 0}, "`d_mlp` must be at least 1, got 0"),
        (CausalDecoder, {"dropout": 1.0}, r"`dropout` must be in \[0, 1\), got 1.0"),
        (CausalDecoder, {"rotary_base": 0.0}, "`rotary_base` must be greater than 0"),
        (
            CausalDecoder,
            {"d_model": 12, "positions": "rotary"},
            "`d_model` must be an even multiple of `n_heads` = 4 for rotary positions, got 12",
        ),
        (DenseMLP, {"d_hidden": 0}, "`d_hidden` must be at least 1, got 0"),
        (DenseMLP, {"n_hidden_layers": -1}, "`n_hidden_layers` must be at least 0, got -1"),
        (EmbeddingMLP, {"n_hidden_layers": 0}, "`n_hidden_layers` must be at least 1"),
        (
            Decoder,
            {"d_model": 30},
            "`d_model` must be a positive multiple of `n_heads` = 4, got 30",
        ),
        (Decoder, {"n_heads": 0}, "`d_model` must be a positive multiple of `n_heads` = 0"),
        (Decoder, {"n_layers": 0}, "`n_layers` must be at least 1, got 0"),
        (Decoder, {"d_mlp": 0}, "`d_mlp` must be at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(model: type[Model], settings: dict[str, object], message: str):
    with pytest.raises(SettingError, match=message):
        model(**settings)  # type: ignore[arg-type]
