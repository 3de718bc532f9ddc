"""The model: transformers' own OLMoE, small, with the losses that OLMoE was trained with.

transformers computes the load-balancing loss only if router logits are asked for, and has no
z-loss; both are on here (arXiv 2409.02060: .01 and .001).
"""

from typing import Any

import torch
from torch import Tensor, nn

from grokscope.core.seeds import stream_seed
from grokscope.llm.optional import require_transformers
from grokscope.recipes.olmoe_mini.arm import Arm
from grokscope.recipes.olmoe_mini.form import Form
from grokscope.recipes.olmoe_mini.tokenizer import Words

Z_LOSS = 1e-3
INIT_RANGE = 0.05
"""Of all weights; the library's .02 is for models thirty times as wide."""


def make_model(form: Form, arm: Arm, words: Words, seed: int, device: torch.device) -> Any:  # noqa: ANN401 (an OlmoeForCausalLM)
    """A new model, on a device. Weights depend on the seed alone, not on the arm."""
    require_transformers()
    from transformers import OlmoeConfig, OlmoeForCausalLM

    config = OlmoeConfig(
        vocab_size=len(words),
        hidden_size=form.d_model,
        intermediate_size=form.d_mlp,
        num_hidden_layers=form.n_layers,
        num_attention_heads=form.n_heads,
        num_key_value_heads=form.n_heads,
        num_experts=form.n_experts,
        num_experts_per_tok=form.top_k,
        max_position_embeddings=form.length,
        initializer_range=INIT_RANGE,
        output_router_logits=True,
        router_aux_loss_coef=arm.balance,
        bos_token_id=words.begin,
        eos_token_id=words.end,
        pad_token_id=words.end,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "olmoe-mini/model"))
        model: Any = OlmoeForCausalLM(config)
    model.set_experts_implementation("grouped_mm")
    if arm.frozen_router:
        for layer in model.model.layers:
            layer.mlp.gate.weight.requires_grad_(False)
    return model.to(device)


def loss_of(model: Any, batch: dict[str, Tensor]) -> Tensor:  # noqa: ANN401
    """Token loss, balancing loss and z-loss of a batch."""
    # without a cache the library reads documents off the position ids and keeps them apart
    output = model(**batch, use_cache=False)
    logs = [torch.logsumexp(logits.float(), -1) for logits in output.router_logits]
    z_loss = torch.stack([log.square().mean() for log in logs]).mean()
    return output.loss + Z_LOSS * z_loss


class Sharpening:
    """Multiplies what the routers read, so that their logits grow; experts read the same as ever.

    Attributes:
        factor: of the next forwards.
    """

    def __init__(self, model: nn.Module) -> None:
        self.factor = 1.0
        gates = [module for name, module in model.named_modules() if name.endswith("mlp.gate")]
        self._handles = [gate.register_forward_pre_hook(self._scale) for gate in gates]

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()

    def _scale(self, gate: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (args[0] * self.factor, *args[1:])
