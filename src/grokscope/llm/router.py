"""The routers of a model: found by what the library records, or named by the user.

Every mixture-of-experts model of `transformers` declares which of its modules return the router's
logits, and at which place of their output. `find_routers` reads that declaration, so that no family
needs code of its own. Modules of other models are named by the user.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from grokscope.core.errors import MissingExtraError, SettingError, UsageError
from grokscope.llm.embeddings import gain_of, norm_before, router_weight
from grokscope.llm.scoring import Scoring, require_scoring, scoring_of, top_k_of

Modules = str | Sequence[str]
"""A regular expression that is found in the qualified name of a module, or names."""

_WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
_EXPERTS = ("num_router_classes", "num_experts", "n_routed_experts", "num_local_experts")
_ATTENTION = ("attention", "attn")
_NEED_TOP_K = ("topk_softmax", "sigmoid")


class _NoModule(nn.Module):
    """Of which there is none."""


@dataclass(frozen=True, kw_only=True)
class Router:
    """A module that decides which experts a token goes to.

    Attributes:
        name: qualified, in the model, without the wrappers of compilation and sharding.
        module: itself.
        output: at which place of its output the logits are; a bare tensor has none.
        experts: how many there are.
        scoring: how its output becomes weights over the experts.
        top_k: experts of a token, where that is known.
        norm: what it reads the stream through, where that is known.
    """

    name: str
    module: nn.Module
    output: int
    experts: int
    scoring: Scoring
    top_k: int | None
    norm: nn.Module | None

    def rows(self) -> Float[Tensor, "expert d_model"]:
        """The expert embeddings v_k: the rows of the weight that makes the logits, in float32.

        Raises:
            UsageError: the module has no such matrix by any of the known names.
        """
        weight = router_weight(self.module)
        if weight is None:
            raise UsageError(f"`{self.name}` has no weight with a row for each expert.")
        return weight.detach().float()[: self.experts]

    def gain(self) -> Float[Tensor, " d_model"] | None:
        """What the norm in front multiplies each coordinate by; None where it is not known."""
        scale = getattr(self.module, "scale", None)
        if isinstance(getattr(self.module, "norm", None), nn.Module) and isinstance(scale, Tensor):
            return scale.detach().float() * float(getattr(self.module, "scalar_root_size", 1))
        weight = router_weight(self.module)
        if self.norm is None or weight is None:
            return None
        return gain_of(self.norm, weight.shape[1])


def find_routers(
    model: nn.Module,
    modules: Modules | None = None,
    *,
    scoring: Scoring | None = None,
    output: int | None = None,
) -> list[Router]:
    """The routers of a model, in its order, each once.

    Without `modules`, all that `transformers` records as `router_logits` in the model or in models
    inside it, except those within attention (JetMoE routes its attention heads too; name them to
    get them). Layers that route by a hash of the token (DeepSeek-V4) have no say and are left out.

    Args:
        model: any module.
        modules: which to take. Where the library knows routers among them, only these are taken,
            and otherwise all of them.
        scoring: how logits become weights, for all routers; found out for each where not given.
        output: at which place of the modules' output the logits are; as the library says, and
            otherwise the first, where not given.

    Raises:
        UsageError: there is no router, or it is not known how many experts one has.
        SettingError: routers have different numbers of experts, or there is no such scoring.
        MissingExtraError: `modules` is not given, and transformers is not installed.
    """
    require_scoring(scoring)
    named = {_plain(name): module for name, module in model.named_modules()}
    places = _chosen(model, named, modules)
    routers = [
        _router(name, named, place if output is None else output, scoring)
        for name, place in places.items()
        if not hasattr(named[name], "tid2eid")
    ]
    if not routers:
        raise UsageError(_none_found(model, modules))
    _require_one_size(routers)
    return routers


def _plain(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def _chosen(
    model: nn.Module, named: dict[str, nn.Module], modules: Modules | None
) -> dict[str, int]:
    """The place of the logits by the name of the module, in the model's order."""
    known = _recorded(model, is_needed=modules is None)
    if modules is None:
        return {
            name: place
            for name, place in known.items()
            if not any(word in name for word in _ATTENTION)
        }
    if isinstance(modules, str):
        names = [name for name in named if re.search(modules, name)]
    else:
        missing = [name for name in modules if name not in named]
        if missing:
            raise SettingError("modules", "names of modules of the model", missing[0])
        names = [name for name in named if name in modules]
    routers = {name: known[name] for name in names if name in known}
    return routers or dict.fromkeys(names, 0)


def _recorded(model: nn.Module, *, is_needed: bool) -> dict[str, int]:
    """What the library records as router logits: the place of the logits by the module's name."""
    try:
        from transformers import PreTrainedModel
    except ImportError:
        if is_needed:
            raise MissingExtraError("transformers", "llm") from None
        return {}
    found: dict[str, int] = {}
    for prefix, part in model.named_modules():  # a model inside another one comes later, and knows
        if isinstance(part, PreTrainedModel):
            for name, module in part.named_modules(prefix=prefix):
                place = _place(_declared(part), _plain(name), module)
                if place is not None:
                    found[_plain(name)] = place
    return {name: found[name] for name in map(_plain, dict(model.named_modules())) if name in found}


def _declared(part: nn.Module) -> list[Any]:
    """The library's declarations for router logits, in the long form."""
    from transformers.utils.output_capturing import OutputRecorder

    outputs: dict[str, Any] = getattr(part, "can_record_outputs", {})
    declared = outputs.get("router_logits", [])
    some: list[Any] = declared if isinstance(declared, list) else [declared]
    # a class alone, or its name, stands for the second place of its output
    return [
        OutputRecorder(target_class=_NoModule, index=1, class_name=one)
        if isinstance(one, str)
        else one
        if isinstance(one, OutputRecorder)
        else OutputRecorder(target_class=one, index=1)
        for one in some
    ]


def _place(declared: Sequence[Any], name: str, module: nn.Module) -> int | None:
    """Where a module returns router logits by the library's own rule; None if it does not."""
    for one in declared:
        is_named = one.class_name is not None and name.endswith(one.class_name)
        layer = one.layer_name
        is_there = layer is None or f".{layer.strip('.')}." in f".{name}."
        if (is_named or isinstance(module, one.target_class or _NoModule)) and is_there:
            return one.index
    return None


def _router(name: str, named: dict[str, nn.Module], output: int, scoring: Scoring | None) -> Router:
    module = named[name]
    around = list(_around(name, named))
    chosen = scoring or scoring_of(module, output)
    top_k = top_k_of([module, *around])
    if chosen in _NEED_TOP_K and top_k is None:
        raise UsageError(f"`{name}` does not say how many experts a token gets: it has no `top_k`.")
    return Router(
        name=name,
        module=module,
        output=output,
        experts=_experts(name, module),
        scoring=chosen,
        top_k=top_k,
        norm=norm_before(module, around),
    )


def _around(name: str, named: dict[str, nn.Module]) -> Iterator[nn.Module]:
    """The modules that a module is in, innermost first, without the whole model."""
    while "." in name:
        name = name.rpartition(".")[0]
        if name in named:
            yield named[name]


def _experts(name: str, module: nn.Module) -> int:
    weight = router_weight(module)
    has_shared = hasattr(module, "n_total_experts")  # its weight has rows of shared experts too
    if weight is not None and not has_shared:
        return weight.shape[0]
    for field in _EXPERTS:
        value = getattr(module, field, None)
        if isinstance(value, int):
            return value
    raise UsageError(
        f"`{name}` does not say how many experts there are: it has neither a weight with a row for "
        f"each, nor `num_experts`. Name the module that makes the logits."
    )


def _require_one_size(routers: Sequence[Router]) -> None:
    sizes: dict[int, list[str]] = {}
    for router in routers:
        sizes.setdefault(router.experts, []).append(router.name)
    if len(sizes) > 1:
        more = {size: ", …" if len(names) > 1 else "" for size, names in sizes.items()}
        got = ", ".join(f"{size} ({names[0]}{more[size]})" for size, names in sizes.items())
        raise UsageError(f"`modules` must name routers with one number of experts, got {got}.")


def _none_found(model: nn.Module, modules: Modules | None) -> str:
    kind = type(model).__name__
    if modules is not None:
        return f"`modules` must name routers, got {modules!r}: {kind} has none of that name."
    return (
        f"{kind} has no router: no module that transformers records as `router_logits`. It is "
        f"dense, or its routers must be named in `modules`."
    )
