"""Models that read with an encoder and write with a decoder: each part has tokens of its own."""

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from grokscope.llm.tap import RouterTap
from llm.families import D_MODEL, D_VOCAB, N_EXPERTS
from reference.pathways import pathways, softmax

SOURCE = torch.randint(3, D_VOCAB, (2, 7), generator=torch.Generator().manual_seed(3))
TARGET = torch.randint(3, D_VOCAB, (2, 5), generator=torch.Generator().manual_seed(4))
SOURCE_MASK, TARGET_MASK = torch.ones_like(SOURCE), torch.ones_like(TARGET)
SOURCE_MASK[1, 4:] = TARGET_MASK[1, 3:] = 0


def switch() -> Any:
    config = transformers.SwitchTransformersConfig(
        vocab_size=D_VOCAB,
        d_model=D_MODEL,
        d_kv=8,
        d_ff=32,
        num_layers=4,
        num_sparse_encoder_layers=2,
        num_decoder_layers=2,
        num_sparse_decoder_layers=1,
        num_heads=2,
        num_experts=N_EXPERTS,
        initializer_factor=4.0,
    )
    return transformers.SwitchTransformersForConditionalGeneration(config)


def nllb() -> Any:
    config = transformers.NllbMoeConfig(
        vocab_size=D_VOCAB,
        d_model=D_MODEL,
        encoder_layers=4,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        encoder_sparse_step=2,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        decoder_sparse_step=2,
        num_experts=N_EXPERTS,
        max_position_embeddings=32,
        init_std=0.3,
    )
    return transformers.NllbMoeForConditionalGeneration(config)


@pytest.mark.parametrize("make", [switch, nllb])
def test_each_part_is_averaged_over_its_own_tokens(make: Any):
    torch.manual_seed(0)
    model = make().eval()
    inputs = {
        "input_ids": SOURCE,
        "attention_mask": SOURCE_MASK,
        "decoder_input_ids": TARGET,
        "decoder_attention_mask": TARGET_MASK,
    }
    with RouterTap(model) as tap:
        masks = {name: mask for name, mask in inputs.items() if name.endswith("mask")}
        with torch.no_grad(), tap.record(**masks) as recording:
            official = model(**inputs, output_router_logits=True)
    found = recording.pathways()
    assert recording.problems == ()
    parts = [("encoder" in layer, layer) for layer in found.layers]
    assert sorted(is_encoder for is_encoder, _ in parts) == [False, True, True]
    assert found.tokens.tolist() == [7, 4]
    for logits, mask, is_encoder in (
        (official.encoder_router_logits, SOURCE_MASK, True),
        (official.decoder_router_logits, TARGET_MASK, False),
    ):
        samples = torch.where(mask > 0, torch.arange(2)[:, None], -1).flatten().tolist()
        flat = [one.reshape(-1, N_EXPERTS).tolist() for one in logits]
        expected = pathways(flat, samples, 2, softmax)
        ours = found.weights[[part[0] == is_encoder for part in parts]]
        np.testing.assert_allclose(ours, expected, atol=2e-6)


def test_a_decoder_of_unknown_tokens_is_a_problem():
    model = switch().eval()
    with RouterTap(model) as tap, tap.record(attention_mask=SOURCE_MASK) as recording:
        model(input_ids=SOURCE, decoder_input_ids=TARGET)
    (problem,) = recording.problems
    assert "saw 10 tokens where the batch was said to have 14" in problem


def test_the_gain_in_front_of_a_router_of_the_t5_family_is_found():
    model = switch()
    router = RouterTap(model).routers[0]
    norm = model.encoder.block[1].layer[-1].layer_norm
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2, D_MODEL))
    gain = router.gain()
    assert gain is not None
    torch.testing.assert_close(gain, norm.weight.detach(), rtol=1e-5, atol=1e-5)
    assert router.rows().shape == (N_EXPERTS, D_MODEL)
