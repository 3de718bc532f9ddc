"""A tiny random model of each family of expert models: two layers, eight experts, 64 tokens.

Weights are drawn wider than the libraries' initial values, so that routing differs between tokens.
"""

from dataclasses import dataclass, field
from typing import Any

import torch

N_LAYERS, N_EXPERTS, TOP_K, D_VOCAB, D_MODEL = 2, 8, 2, 64, 16

COMMON: dict[str, Any] = {
    "vocab_size": D_VOCAB,
    "hidden_size": D_MODEL,
    "intermediate_size": 32,
    "moe_intermediate_size": 16,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "num_experts": N_EXPERTS,
    "num_local_experts": N_EXPERTS,
    "num_experts_per_tok": TOP_K,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """How to make a tiny model of a family, and what to expect of it.

    Attributes:
        name: of its models in the library, as in `OlmoeForCausalLM`.
        settings: beside the common ones.
        scoring: that the tap must find.
        routers: that it must find, by default.
        head: what the model's class ends in.
        part: what its configuration's class has before `Config`, of models that read images too.
        has_gain: whether the norm in front of the router is known.
        crosses: why documents packed in one row see each other all the same.
        pools: why padding in front changes what is computed.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    scoring: str = "softmax"
    routers: int = N_LAYERS
    head: str = "ForCausalLM"
    part: str = ""
    has_gain: bool = True
    crosses: str = ""
    pools: str = ""

    def config(self) -> Any:
        """Of the library."""
        import transformers

        kind = getattr(transformers, f"{self.name}{self.part}Config")
        return kind(**{**COMMON, **self.settings})

    def make(self, seed: int = 0) -> Any:
        """A model in evaluation mode, always the same."""
        import transformers

        torch.manual_seed(seed)
        model = getattr(transformers, f"{self.name}{self.head}")(self.config()).eval()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.dim() > 1:
                    weight.normal_(0, 0.3, generator=generator)
                elif "norm" in name and name.endswith("weight"):
                    weight.add_(0.3 * torch.rand(weight.shape, generator=generator))
            for name, bias in model.named_buffers():
                if "correction_bias" in name or "expert_bias" in name:
                    bias.normal_(0, 0.1, generator=generator)
        return model


def checkpoint(model: Any, *, is_reentrant: bool) -> None:
    """Activation checkpointing, under the name that the library's release has for it."""
    name = "activation_checkpointing_enable"
    enable = getattr(model, name, None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": is_reentrant})


DEEPSEEK = {
    "n_routed_experts": N_EXPERTS,
    "n_shared_experts": 1,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
}
LATENT = {
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_nope_head_dim": 4,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
    "head_dim": 4,
}

FAMILIES = (
    Family(name="Olmoe"),
    Family(name="FlexOlmo", has_gain=False),
    Family(name="Mixtral"),
    Family(name="Qwen2Moe", settings={"shared_expert_intermediate_size": 16}),
    Family(name="Qwen3Moe"),
    Family(
        name="Qwen3Next",
        crosses="linear attention carries its state through the row",
        settings={
            "shared_expert_intermediate_size": 16,
            "layer_types": ["linear_attention", "full_attention"],
            "linear_num_value_heads": 2,
            "linear_num_key_heads": 2,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
        },
    ),
    Family(name="DeepseekV2", settings={**DEEPSEEK, **LATENT}, routers=1),
    Family(name="DeepseekV3", settings={**DEEPSEEK, **LATENT}, routers=1, scoring="kept"),
    Family(
        name="GptOss",
        scoring="topk_softmax",
        settings={"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        crosses="transformers 5.24 does not hand the positions to its attention mask",
    ),
    Family(name="GraniteMoe", scoring="topk_softmax"),
    Family(
        name="GraniteMoeShared", settings={"shared_intermediate_size": 16}, scoring="topk_softmax"
    ),
    Family(name="JetMoe", settings={"kv_channels": 8}, scoring="topk_softmax"),
    Family(name="Phimoe", scoring="kept"),
    Family(
        name="Jamba",
        crosses="the state space carries its state through the row",
        settings={
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 1,
            "expert_layer_offset": 0,
            "use_mamba_kernels": False,
            "mamba_d_state": 4,
            "mamba_dt_rank": 4,
        },
    ),
    Family(
        name="Ernie4_5_Moe",
        settings={"moe_num_experts": N_EXPERTS, "moe_k": TOP_K, "moe_layer_start_index": 0},
    ),
    Family(name="Glm4Moe", settings=DEEPSEEK, routers=1, scoring="kept"),
    Family(
        name="Lfm2Moe",
        crosses="the convolution reads over the boundary",
        settings={"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
        routers=1,
        scoring="kept",
    ),
    Family(name="MiniMaxM2", scoring="kept"),
    Family(name="HunYuanMoEV1", settings={"moe_topk": [TOP_K] * N_LAYERS}),
    Family(name="Dots1", settings=DEEPSEEK, routers=1, scoring="kept"),
    Family(
        name="Llama4",
        part="Text",
        scoring="sigmoid",
        settings={
            "intermediate_size_mlp": 32,
            "num_experts_per_tok": 1,
            "attention_chunk_size": 32,
        },
    ),
    Family(
        name="Gemma4",
        part="Text",
        scoring="probabilities",
        settings={
            "enable_moe_block": True,
            "top_k_experts": TOP_K,
            "layer_types": ["sliding_attention", "full_attention"],
            "hidden_size_per_layer_input": 0,
            "num_kv_shared_layers": 0,
            "global_head_dim": 8,
            "num_global_key_value_heads": 2,
        },
    ),
    Family(
        name="Dbrx",
        has_gain=False,
        settings={
            "d_model": D_MODEL,
            "n_heads": 2,
            "n_layers": N_LAYERS,
            "max_seq_len": 64,
            "ffn_config": {
                "ffn_hidden_size": 16,
                "moe_num_experts": N_EXPERTS,
                "moe_top_k": TOP_K,
            },
            # transformers 5.24 reads the first from a class that does not have it, and fails
            # without a value for the last
            "attn_config": {"rope_theta": 10000.0, "kv_n_heads": 2, "clip_qkv": 8.0},
        },
    ),
    Family(
        name="DeepseekV4",
        scoring="kept",
        routers=1,  # the other layer routes by a hash of the token
        crosses="attention pools neighbouring tokens",
        pools="attention pools neighbouring tokens, padding among them",
        settings={
            "mlp_layer_types": ["hash_moe", "moe"],
            "layer_types": ["heavily_compressed_attention", "compressed_sparse_attention"],
            "n_routed_experts": N_EXPERTS,
            "num_key_value_heads": 1,
            "partial_rotary_factor": 0.5,
            "q_lora_rank": 8,
            "o_groups": 2,
            "o_lora_rank": 8,
            "index_n_heads": 2,
            "index_head_dim": 8,
            "index_topk": 4,
            "hc_mult": 2,
            "sliding_window": 16,
        },
    ),
)
