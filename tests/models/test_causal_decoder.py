"""The causal decoder beside other networks that it must equal, in each of its styles."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from grokscope.models import CausalDecoder, Decoder, Parameters, Rows, Vocab
from grokscope.models.rotary import rotated, turns
from grokscope.models.sequence import Sequence
from reference import modern_decoder

PAIRS = Vocab(d_vocab=7, n_classes=7)
TABLE = torch.cartesian_prod(torch.arange(7), torch.arange(7))
POWER = CausalDecoder(
    d_model=16,
    n_heads=2,
    positions="sinusoidal",
    norm_place="post",
    activation="relu",
    bias=False,
    unembed="tokens",
    operator_token=True,
    equals_token=True,
    init_like="torch",
)
STOCKEH = CausalDecoder(
    d_model=12,
    n_heads=2,
    positions="rotary",
    rotary_base=1e3,
    norm="rms",
    activation="swiglu",
    bias=False,
    unembed="tokens",
    init_like="torch",
)
both_paths = pytest.mark.parametrize("path", ["forward", "readout"])


def disturbed(model: CausalDecoder | Decoder, vocab: Vocab, n_models: int = 2) -> Parameters:
    """Networks whose norms are not the identity and whose biases are not 0."""
    stream = torch.Generator().manual_seed(0)
    drawn = model.init(vocab, range(n_models))
    return {k: v.double() + 0.3 * torch.randn(v.shape, generator=stream) for k, v in drawn.items()}


def outputs(model: CausalDecoder, path: str, params: Parameters, inputs: torch.Tensor):
    if path == "forward":
        return model.forward(params, inputs)
    return model.readout(params, Rows(inputs))


@both_paths
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_in_the_published_style_it_is_the_decoder(path: str, n_layers: int):
    model = replace(POWER, n_layers=n_layers)
    decoder = Decoder(d_model=16, n_heads=2, n_layers=n_layers)
    for key, value in decoder.init(PAIRS, [0, 1]).items():
        assert torch.equal(value, model.init(PAIRS, [0, 1])[key])
    params, inputs = disturbed(decoder, PAIRS), TABLE.expand(2, -1, -1)
    assert params.keys() == model.init(PAIRS, [0]).keys()
    found = outputs(model, path, params, inputs)
    assert torch.allclose(found, decoder.forward(params, inputs), rtol=1e-11, atol=1e-12)


def as_torch(params: Parameters, model: CausalDecoder, suffix: str) -> nn.Module:
    """One layer of the first network as torch's own."""
    layer = nn.TransformerEncoderLayer(
        model.d_model,
        model.n_heads,
        4 * model.d_model,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=model.norm_place == "pre",
        dtype=torch.float64,
    )
    own = {k: v[0] for k, v in params.items()}
    flat = {n: own[f"W_{n}{suffix}"].transpose(0, 1).flatten(1).T for n in "QKV"}
    biases = [own[f"b_{n}{suffix}"].flatten() for n in "QKV"]
    state = {
        "self_attn.in_proj_weight": torch.cat(list(flat.values())),
        "self_attn.in_proj_bias": torch.cat(biases),
        "self_attn.out_proj.weight": own[f"W_O{suffix}"].flatten(0, 1).T,
        "self_attn.out_proj.bias": own[f"b_O{suffix}"],
        "linear1.weight": own[f"W_in{suffix}"].T,
        "linear1.bias": own[f"b_in{suffix}"],
        "linear2.weight": own[f"W_out{suffix}"].T,
        "linear2.bias": own[f"b_out{suffix}"],
    }
    for i in (1, 2):
        state[f"norm{i}.weight"] = own[f"ln{i}_w{suffix}"]
        state[f"norm{i}.bias"] = own[f"ln{i}_b{suffix}"]
    layer.load_state_dict(state)
    return layer


@both_paths
@pytest.mark.parametrize("place", ["pre", "post"])
def test_with_biases_and_gelu_its_layers_are_torchs(path: str, place: str):
    model = CausalDecoder(d_model=12, n_heads=3, norm_place=place)  # pyright: ignore
    params = disturbed(model, Vocab(d_vocab=9, n_classes=9, n_slots=5))
    inputs = torch.randint(0, 9, (1, 20, 5), generator=torch.Generator().manual_seed(1))
    x = params["W_E"][0][inputs[0]] + params["W_pos"][0]
    mask = torch.full((5, 5), -torch.inf, dtype=torch.float64).triu(1)
    for suffix in model.suffixes:
        x = as_torch(params, model, suffix)(x, src_mask=mask)
    if place == "pre":
        x = nn.functional.layer_norm(x, (12,), params["ln_final_w"][0], params["ln_final_b"][0])
    one = {key: value[:1] for key, value in params.items()}
    found = outputs(model, path, one, inputs)
    expected = x[:, -1] @ params["W_E"][0].T
    assert torch.allclose(found[0], expected, rtol=1e-10, atol=1e-11)


@both_paths
def test_in_the_recent_style_it_is_the_network_by_hand(path: str):
    params, inputs = disturbed(STOCKEH, PAIRS), TABLE[::5].expand(2, -1, -1)
    found = outputs(STOCKEH, path, params, inputs)
    for network in range(2):
        own = {key: value[network].numpy() for key, value in params.items()}
        for row, tokens in enumerate(inputs[network].tolist()):
            expected = modern_decoder.logits(own, 2, tokens, STOCKEH.rotary_base)
            assert found[network, row].numpy() == pytest.approx(expected, rel=1e-9, abs=1e-11)


@both_paths
@pytest.mark.parametrize("equals", [False, True])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary"])
def test_a_short_row_is_read_as_if_there_were_no_longer_ones(
    path: str, equals: bool, positions: str
):
    model = CausalDecoder(d_model=8, n_heads=2, equals_token=equals, positions=positions)  # pyright: ignore
    params = disturbed(model, Vocab(d_vocab=7, n_classes=7, n_slots=4, is_padded=True))
    short = torch.tensor([[[3, 1], [0, 6]]]).expand(2, -1, -1)
    long = torch.tensor([[3, 1, -1, -1], [2, 2, 2, 2], [5, -1, -1, -1], [0, 6, -1, -1]])
    cut = {k: v[:, : 2 + equals] if k == "W_pos" else v for k, v in params.items()}
    alone = model.forward(cut, short)
    together = outputs(model, path, params, long.expand(2, -1, -1))[:, [0, 3]]
    assert torch.allclose(together, alone, rtol=1e-11, atol=1e-13)


def test_sequences_of_tokens():
    rows = torch.tensor([[[3, 1, 2], [4, -1, -1], [0, 5, -1]]])
    plain = Sequence(d_vocab=6, operator_token=False, equals_token=False)
    assert plain(rows).tolist() == [[[3, 1, 2], [4, 0, 0], [0, 5, 0]]]
    assert plain.last(rows).tolist() == [[2, 0, 1]]
    ends = Sequence(d_vocab=6, operator_token=False, equals_token=True)
    assert ends(rows).tolist() == [[[3, 1, 2, 6], [4, 6, 0, 0], [0, 5, 6, 0]]]
    assert ends.last(rows).tolist() == [[3, 1, 2]]
    equation = Sequence(d_vocab=6, operator_token=True, equals_token=True)
    assert equation(rows[:, :1, :2]).tolist() == [[[3, 6, 1, 7]]]
    assert equation.last(rows[:, :1, :2]).tolist() == [[3]]


def test_rotary_products_depend_on_distances_alone():
    stream = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 6, generator=stream, dtype=torch.float64).expand(2, 9, 1, 6)
    angles = turns(9, 6, 100.0, torch.float64, torch.device("cpu"))
    scores = rotated(q, angles)[:, 0] @ rotated(k, angles)[:, 0].T
    for distance in range(1, 9):
        diagonal = scores.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-12)
    assert not torch.allclose(scores[0, 1], scores[1, 0])


def test_published_initial_scales():
    vocab = Vocab(d_vocab=500, n_classes=500, n_slots=3)
    drawn = CausalDecoder(d_model=64, n_layers=8).init(vocab, [0])
    for name, std in {
        "W_E": 0.02,
        "W_pos": 0.02,
        "W_Q_7": 0.02,
        "W_O": 0.005,
        "W_out_3": 0.005,
    }.items():
        assert drawn[name].std() == pytest.approx(std, rel=0.1)
    assert not drawn["b_in"].any()
    assert "W_U" not in drawn
    torchs = replace(STOCKEH, bias=True, d_model=64, d_mlp=100).init(vocab, [0])
    assert torchs["W_E"].std() == pytest.approx(1.0, rel=0.05)
    for name, fan_in in {"W_gate": 64, "b_Q": 64, "W_O": 64, "W_out": 100, "b_out": 100}.items():
        assert torchs[name].abs().max() == pytest.approx(fan_in**-0.5, rel=0.1)


def test_every_activation_has_a_name_per_layer_and_can_be_replaced():
    inputs = TABLE[:9].expand(2, -1, -1)
    params = disturbed(STOCKEH, PAIRS)
    names: list[str] = []
    STOCKEH.forward(params, inputs, lambda key, _: names.append(key))
    text = (
        "resid_pre ln1_scale ln1_normalized q k v rot_q rot_k attn_scores pattern z attn_out "
        "resid_mid ln2_scale ln2_normalized pre pre_linear post mlp_out resid_post"
    )
    layer = text.split()
    second = [f"{name}_1" for name in layer]
    assert names == ["embed", *layer, *second, "ln_final_scale", "ln_final_normalized", "logits"]
    plain = STOCKEH.forward(params, inputs)
    for name in names:
        changed = STOCKEH.forward(
            params, inputs, lambda key, value, name=name: 2 * value + 1 if key == name else None
        )
        assert not torch.allclose(changed, plain), name
