"""A checkpoint as a model: what it looks like, which costs nothing, and its weights.

Weights are loaded by transformers as they are stored, one model at a time. Peak of what a process
cannot give back, while 208 MB in bfloat16 (4 layers of 64 experts) are loaded: 260 MB. The mapped
file counts as resident beside that, 196 MB, but its pages are clean and the system takes them back
when memory is short.
"""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from grokscope.core.errors import (
    GrokscopeError,
    MemoryExceededError,
    UsageError,
    VerificationError,
)
from grokscope.llm.checkpoint_name import Checkpoint, Place
from grokscope.llm.hub_file import file_of, require_cached
from grokscope.llm.optional import require_transformers
from grokscope.llm.router import Modules, Router, find_routers

_TOKENIZERS = (
    *("tokenizer.json", "tokenizer.model", "tokenizer_config.json"),
    *("spiece.model", "vocab.json", "vocab.txt"),
)
_OWN_CODE = "needs code of its own, which is not run"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What all checkpoints of a run have in common.

    Attributes:
        model: without weights (on the device `meta`).
        routers: of it.
        vocabulary: tokens that it has rows for.
    """

    model: nn.Module
    routers: tuple[Router, ...]
    vocabulary: int


def shape_of(checkpoints: Sequence[Checkpoint], modules: Modules | None = None) -> Shape:
    """What the checkpoints look like, from their configurations alone.

    Raises:
        UsageError: one is no causal language model with routers, or two differ in layers, experts
            or vocabulary.
        GrokscopeError: a configuration cannot be had.
        MissingExtraError: transformers is not installed.
    """
    require_transformers()
    first, *rest = checkpoints
    config = config_of(first.place)
    shape = _shape(first.place, config, modules)
    known = [_comparable(config)]
    require_cached(first.place)
    for checkpoint in rest:
        config = config_of(checkpoint.place)
        require_cached(checkpoint.place)
        if _comparable(config) not in known:
            _require_same(
                first.place, shape, checkpoint.place, _shape(checkpoint.place, config, modules)
            )
            known.append(_comparable(config))
    return shape


def config_of(place: Place) -> Any:  # noqa: ANN401
    """The configuration of a model.

    Raises:
        UsageError: there is none, or transformers does not know what it is of.
        GrokscopeError: it cannot be had.
    """
    from transformers import AutoConfig

    file = file_of(place, "config.json")
    if file is None:
        raise UsageError(f"{place.name} is no model: it has no config.json.")
    try:
        document: Any = json.loads(file.read_bytes())
        kind = document["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{place.name}: config.json does not say its `model_type`.") from error
    with quietly():
        try:
            return AutoConfig.from_pretrained(**place.arguments, trust_remote_code=False)
        except Exception as error:  # whatever a wrong value in it leads to
            if "trust_remote_code" in str(error):
                raise UsageError(f"{place.name} {_OWN_CODE}.") from error
            reason = _first_sentence(error)
            raise UsageError(f"{place.name}: a configuration of {kind!r}: {reason}") from error


def load_model(checkpoint: Checkpoint) -> Any:  # noqa: ANN401
    """The model with its weights, on the CPU, in the precision in which it is stored.

    Raises:
        UsageError: weights are missing or of another shape than the configuration says.
        VerificationError: a file of weights is damaged.
        MemoryExceededError: there is not memory enough.
        GrokscopeError: they cannot be had.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    place = checkpoint.place
    try:
        with quietly():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                **place.arguments,
                trust_remote_code=False,
                output_loading_info=True,
                weights_only=True,
            )
    except SafetensorError as error:
        raise VerificationError(f"{place.name}: its weights are damaged: {error}") from error
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise MemoryExceededError(f"{place.name} does not fit in memory.") from error
    except Exception as error:  # of the hub, the disk, the format
        raise _load_error(place, error) from error
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(f"{place.name} lacks weights: `{missing[0]}`{more}.")
    return model


def tokenizer_of(place: Place) -> Any:  # noqa: ANN401
    """A tokenizer.

    Raises:
        UsageError: there is none that transformers can read.
        MissingExtraError: transformers is not installed.
    """
    require_transformers()
    from transformers import AutoTokenizer

    problem = UsageError(
        f"{place.name} has no tokenizer that transformers can read: name another with "
        f"`--tokenizer`, or give `input_ids`."
    )
    # without any of its files the library makes up an empty one
    if all(file_of(place, name) is None for name in _TOKENIZERS):
        raise problem
    with quietly():
        try:
            return AutoTokenizer.from_pretrained(**place.arguments, trust_remote_code=False)
        except Exception as error:  # of many kinds, and with many lines
            raise problem from error


def require_one_tokenizer(checkpoints: Sequence[Checkpoint]) -> None:
    """Refuse checkpoints that come with different tokenizers; those without one are as the rest.

    Raises:
        UsageError: two differ.
        GrokscopeError: the hub does not give them.
    """
    first: tuple[str, object] | None = None
    for checkpoint in checkpoints:
        file = file_of(checkpoint.place, "tokenizer.json")
        if file is None:
            continue
        own = _tokenizer_document(file.read_bytes())
        first = first or (checkpoint.place.name, own)
        if own != first[1]:
            raise UsageError(
                f"{first[0]} and {checkpoint.place.name} have different tokenizers: name one with "
                f"`--tokenizer`, or give `input_ids`."
            )


def require_tokenizer_fits(tokenizer: Any, shape: Shape) -> None:  # noqa: ANN401
    """Refuse a tokenizer with more tokens than the model has rows for.

    Raises:
        UsageError: it has.
    """
    if len(tokenizer) > shape.vocabulary:
        raise UsageError(
            f"The tokenizer has {len(tokenizer):,} tokens, but the model has rows for "
            f"{shape.vocabulary:,}: it is not the model's."
        )


@contextmanager
def quietly() -> Generator[None]:
    """Without the bars and reports of transformers: what matters of them is raised."""
    from transformers.utils import logging

    level, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bars:
            logging.enable_progress_bar()


def _shape(place: Place, config: Any, modules: Modules | None) -> Shape:  # noqa: ANN401
    from transformers import AutoModelForCausalLM

    try:
        with quietly(), torch.device("meta"):
            model: Any = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # a configuration can be wrong in many ways
        kind = getattr(config, "model_type", "?")
        text = _first_sentence(error)
        if "Unrecognized configuration class" in str(error):
            text = "no causal language model"
        raise UsageError(f"{place.name} is a model of {kind!r}: {text}") from error
    try:
        routers = tuple(find_routers(model, modules))
    except UsageError as error:
        raise UsageError(f"{place.name}: {error}") from error
    vocabulary = int(model.get_input_embeddings().num_embeddings)
    return Shape(model=model, routers=routers, vocabulary=vocabulary)


def _comparable(config: Any) -> dict[str, Any]:  # noqa: ANN401
    """A configuration without what may differ between checkpoints of one training."""
    values: dict[str, Any] = config.to_dict()
    return {k: v for k, v in values.items() if k not in ("_name_or_path", "transformers_version")}


def _require_same(first: Place, shape: Shape, other: Place, found: Shape) -> None:
    facts = {
        "router layers": (len(shape.routers), len(found.routers)),
        "experts": (shape.routers[0].experts, found.routers[0].experts),
        "tokens of vocabulary": (shape.vocabulary, found.vocabulary),
    }
    for what, (one, two) in facts.items():
        if one != two:
            raise UsageError(
                f"{first.name} has {one:,} {what}, but {other.name} {two:,}: checkpoints must be "
                f"of one model."
            )
    if [router.name for router in shape.routers] != [router.name for router in found.routers]:
        raise UsageError(f"{first.name} and {other.name} have routers in different layers.")


def _load_error(place: Place, error: Exception) -> GrokscopeError:
    text = " ".join(str(error).split())
    if "size mismatch" in text or "mismatched" in text or "ignore_mismatched_sizes" in text:
        return UsageError(f"{place.name}: weights are of other shapes than config.json says.")
    if "allocate memory" in text:
        return MemoryExceededError(f"{place.name} does not fit in memory.")
    return GrokscopeError(f"{place.name} cannot be loaded: {_first_sentence(error)}")


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    head = text.partition(". ")[0]
    return (head if len(head) <= 160 else f"{head[:159]}…").rstrip(".") + "."


def _tokenizer_document(data: bytes) -> object:
    """A tokenizer without its state of truncation and padding, which training leaves behind."""
    try:
        document: Any = json.loads(data)
        return {k: v for k, v in document.items() if k not in ("truncation", "padding")}
    except (ValueError, AttributeError):
        return data
