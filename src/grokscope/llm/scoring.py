"""From what a router returns to routing weights over all experts.

arXiv 2506.21551 averages a sample's routing weights over its tokens. What a token's weights are
differs between families, and so does what their routers return: logits, or probabilities already,
or logits beside the weights of the experts that were kept. A softmax of the wrong one is a
plausible distribution over experts, and wrong.

`softmax`
    Over the logits of all experts; also of those that the layer did not keep. The published choice
    for OLMoE, and the natural one wherever the experts kept are those of highest probability and
    get their weights from that softmax, renormalised or not: OLMoE, FlexOlmo, Mixtral, Qwen,
    DeepSeek-V2, Jamba, ERNIE 4.5, HunYuan, DBRX, Switch, NLLB. A router that returns rows of
    probabilities after all, as Mixtral's, OLMoE's and Qwen's did in some releases of transformers
    (issue 45120), is noticed by its rows and not put through a softmax twice.
`topk_softmax`
    Over the logits of the experts kept, 0 elsewhere: GPT-OSS, Granite, JetMoE, Aria. The experts
    kept have the same weights as a renormalised `softmax` gives them; the tail is what differs.
`kept`
    The router's own weights of the experts it kept, as they stand behind the logits in its output,
    renormalised, and 0 elsewhere. For routers whose weights are no softmax, or whose choice needs
    more than the logits: a sigmoid and a correction bias, with groups or without, in DeepSeek-V3,
    GLM 4, Dots1, LFM2, MiniMax-M2 and many more; the sparse mixer of PhiMoE, which draws experts
    at random in training.
`sigmoid`
    The same computed from the logits: of those experts whose sigmoid, with the router's
    `e_score_correction_bias` where it has one, is highest, the sigmoid, renormalised. For routers
    that return nothing but logits: Llama 4, and modules named by hand.
`probabilities`
    What the router returns: Gemma 4.

All weights are float32, and a row of them sums to 1 unless something in it was not finite.
"""

import inspect
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from grokscope.core.errors import SettingError

Scoring = Literal["softmax", "topk_softmax", "kept", "sigmoid", "probabilities"]

Logits = Float[Tensor, "token expert"]
Kept = tuple[Float[Tensor, "token kept"], Int[Tensor, "token kept"]]
"""Weights and indices of the experts that a router kept."""
Flag = Bool[Tensor, ""]

# Nothing in a module tells a softmax of the logits kept from a softmax whose kept part is
# renormalised, since they are equal: the class decides which tail is meant.
_SOFTMAX_OF_THE_KEPT = ("GptOss", "GraniteMoe", "JetMoe", "AriaText", "OpenAIPrivacyFilter")
_OWN_SCORES = ("e_score_correction_bias", "expert_bias", "score_fn", "scoring_function")
_NO_SIGN_OF_ITS_SIGMOID = ("Flint",)
_TOP_K = ("top_k", "num_experts_per_tok", "moe_topk", "moe_top_k", "k")


def scoring_of(router: nn.Module, output: int) -> Scoring:
    """What a module's class, fields and arguments say about its kind; `softmax` if nothing.

    Args:
        router: the module.
        output: at which place of its output the logits are.
    """
    name = type(router).__name__
    chooses = getattr(router, "expert_selection_fn", None)  # Cohere 2 has both kinds
    if chooses == "softmax" or name.startswith(_SOFTMAX_OF_THE_KEPT):
        return "topk_softmax"
    if hasattr(router, "per_expert_scale"):
        return "probabilities"
    if isinstance(router, nn.Linear) and output == 1:
        return "sigmoid"
    if chooses == "sigmoid" or name.startswith(_NO_SIGN_OF_ITS_SIGMOID) or _scores_itself(router):
        return "kept"
    return "softmax"


def _scores_itself(router: nn.Module) -> bool:
    arguments = inspect.signature(router.forward).parameters
    mixes_sparsely = hasattr(router, "router_jitter_noise")  # PhiMoE
    return mixes_sparsely or any(hasattr(router, name) or name in arguments for name in _OWN_SCORES)


def require_scoring(scoring: str | None) -> None:
    """Refuse a kind that there is none of; None passes.

    Raises:
        SettingError: naming the kinds.
    """
    if scoring is not None and scoring not in get_args(Scoring):
        raise SettingError("scoring", f"one of {', '.join(get_args(Scoring))}", scoring)


def top_k_of(modules: Sequence[nn.Module]) -> int | None:
    """How many experts a token gets, by the first of some modules that says so."""
    for module in modules:
        for name in _TOP_K:
            value = getattr(module, name, None)
            if isinstance(value, int) and value > 0:
                return value
    return None


def recorded(output: object, index: int) -> object:
    """What is at a place of a module's output, which may also be a bare tensor."""
    if not isinstance(output, tuple | list):
        return output
    return output[index] if index < len(output) else None


def own_weights(output: object, index: int, n_tokens: int) -> Kept | None:
    """The weights and indices of the experts kept, where they follow the logits in the output."""
    if not isinstance(output, tuple | list) or len(output) < index + 3:
        return None
    weights, indices = output[index + 1], output[index + 2]
    if not (isinstance(weights, Tensor) and isinstance(indices, Tensor)):
        return None
    fits = weights.shape == indices.shape and weights.dim() == 2 and len(weights) == n_tokens
    if not fits or not weights.is_floating_point() or indices.is_floating_point():
        return None
    return weights.detach(), indices.detach()


def are_distributions(raw: Logits) -> Flag:
    """Whether every row is at least 0 and sums to 1, within what its type can tell.

    Of two rows or more of logits this is never so by chance; a single row of very few experts may
    be, which is why a router counts as returning probabilities only as long as every row did.
    """
    slack = 1e-4 if raw.dtype in (torch.float32, torch.float64) else 2e-2
    rows = raw.float()
    return (rows >= 0).all() & ((rows.sum(-1) - 1).abs() < slack).all()


def disagree(probabilities: Logits, kept: Kept) -> Flag:
    """Whether the experts kept have other ratios of weights than a softmax gives them."""
    weights, indices = kept
    slack = 0.05  # more than half precision loses
    ratio = weights.float() / probabilities.gather(-1, indices).clamp_min(1e-12)
    counts = weights > 1e-3
    largest = ratio.masked_fill(~counts, 0).amax(-1)
    least = ratio.masked_fill(~counts, torch.inf).amin(-1)
    return (least < (1 - slack) * largest).any()


def topk_softmax_weights(logits: Logits, top_k: int) -> Logits:
    """A softmax over the highest logits of each row; the other experts have 0."""
    values, indices = logits.topk(top_k, dim=-1)
    return torch.zeros_like(logits).scatter(-1, indices, values.softmax(-1))


def sigmoid_weights(logits: Logits, top_k: int, bias: Tensor | None) -> Logits:
    """The sigmoids of the experts for which sigmoid + bias is highest, renormalised."""
    scores = logits.sigmoid()
    indices = (scores if bias is None else scores + bias).topk(top_k, dim=-1).indices
    return kept_weights((scores.gather(-1, indices), indices), logits.shape[-1])


def kept_weights(kept: Kept, experts: int) -> Logits:
    """Weights of the experts kept, renormalised, among all experts.

    A token whose weights are all 0 was sent to no expert: its row is 0.
    """
    weights, indices = kept[0].float(), kept[1].long()
    total = weights.sum(-1, keepdim=True)  # of any size and sign: Inkling learns a factor
    shares = weights / total.where(total != 0, 1)
    return shares.new_zeros(len(shares), experts).scatter_add(-1, indices, shares)
