"""The bridge to small networks: the model's answers to a + b mod 59 as a table to be explained.

Experts that a router leaves out do nothing, so that a layer of experts is one wide layer of neurons
of which most are multiplied by 0. Laid open like that, every neuron's pre-activations can be read
and overwritten on every row, as in a transformer that has no experts.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from grokscope.explanation import ModuleSubject
from grokscope.recipes.olmoe_mini.arithmetic import P, prompt
from grokscope.recipes.olmoe_mini.tokenizer import Words
from grokscope.tasks import ModularArithmetic


class OpenExperts(nn.Module):
    """A layer of experts that computes all of them; its output is that of the layer it replaces.

    Attributes:
        pre: passes the pre-activations on, (row, position, 2 · experts · d_mlp): those of all
            gates, then those of all inputs.
    """

    def __init__(self, block: Any) -> None:  # noqa: ANN401 (an OlmoeSparseMoeBlock)
        super().__init__()
        self.gate, self.experts = block.gate, block.experts
        self.pre = nn.Identity()

    def forward(self, hidden: Float[Tensor, "row position d_model"]) -> Tensor:
        """The weighted sum over experts."""
        flat = hidden.reshape(-1, hidden.shape[-1])
        _, weights, chosen = self.gate(flat)
        kept = torch.zeros(len(flat), self.experts.num_experts, dtype=weights.dtype)
        kept = kept.to(flat.device).scatter(1, chosen, weights)
        both = torch.einsum("td,eid->tei", flat, self.experts.gate_up_proj)
        gates, inputs = both.chunk(2, -1)
        pre = torch.cat([gates.flatten(1), inputs.flatten(1)], -1)
        pre = self.pre(pre.reshape(*hidden.shape[:-1], -1)).reshape(len(flat), -1)
        gates, inputs = (own.reshape(gates.shape) for own in pre.chunk(2, -1))
        post = self.experts.act_fn(gates) * inputs * kept[..., None]
        return torch.einsum("tei,edi->td", post, self.experts.down_proj).reshape(hidden.shape)


class RingQuestions(nn.Module):
    """Token ids of `<a> + <b> =` to logits over the 59 answers.

    The model's layers of experts are replaced by open ones, in place.
    """

    def __init__(self, model: Any, words: Words) -> None:  # noqa: ANN401 (an OlmoeForCausalLM)
        super().__init__()
        for layer in model.model.layers:
            layer.mlp = OpenExperts(layer.mlp)
        self.model = model.eval()
        self.numbers = torch.tensor(words.numbers)

    def forward(self, ids: Int[Tensor, "row position"]) -> Float[Tensor, "row answer"]:
        """The logits of the numbers behind the last token."""
        output = self.model(input_ids=ids, use_cache=False, output_router_logits=False)
        return output.logits[:, -1, self.numbers.to(ids.device)]


def ring_subject(model: Any, words: Words) -> ModuleSubject:  # noqa: ANN401
    """The arithmetic of a model as a subject of `explain`: `gs.explain(ring_subject(…))`.

    Args:
        model: an OlmoeForCausalLM that was trained on the corpus; its layers are laid open.
        words: its tokenizer.
    """
    template = torch.tensor([words.begin, *words.tokenizer.encode(prompt(0, 0)).ids])
    numbers = torch.tensor(words.numbers)
    places = (template == numbers[0]).nonzero().flatten()

    def inputs(rows: Int[Tensor, "row slot"]) -> Int[Tensor, "row position"]:
        ids = template.repeat(len(rows), 1)
        ids[:, places] = numbers[rows.cpu()]
        return ids.to(rows.device)

    layers = len(model.model.layers)
    return ModuleSubject(
        RingQuestions(model, words),
        ModularArithmetic(p=P),
        embeddings="model.model.embed_tokens.weight",
        pre=[f"model.model.layers.{layer}.mlp.pre" for layer in range(layers)],
        inputs=inputs,
        name="olmoe-mini",
    )
