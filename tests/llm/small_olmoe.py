"""A small OLMoE with random weights, and probes of two domains for it."""

from typing import Any

import torch

from grokscope.llm.probe import Probe, Role

D_VOCAB, LAYERS, EXPERTS = 48, 3, 8


def olmoe(seed: int = 0, **settings: Any) -> Any:
    from transformers import OlmoeConfig, OlmoeForCausalLM

    torch.manual_seed(seed)
    config: dict[str, Any] = {
        "vocab_size": D_VOCAB,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "num_experts": EXPERTS,
        "num_experts_per_tok": 2,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
        "initializer_range": 0.5,  # so that routers have preferences
    }
    return OlmoeForCausalLM(OlmoeConfig(**config | settings))


def probes(
    count: int = 6, seed: int = 0, roles: tuple[Role, ...] = ("seen", "twin")
) -> list[Probe]:
    """Of two domains, of several lengths; tests have an answer of two tokens."""
    generator = torch.Generator().manual_seed(seed)
    found: list[Probe] = []
    for domain in ("sums", "words"):
        for role in roles:
            for index in range(count):
                tokens = torch.randint(3, D_VOCAB, (4 + index,), generator=generator)
                found.append(
                    Probe(
                        domain=domain,
                        tokens=tuple(int(token) for token in tokens),
                        role=role,
                        answer=2 + index if role == "test" else None,
                        exposed=(index,) if role == "seen" else (),
                    )
                )
    return found
