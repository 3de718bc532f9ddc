"""Checkpoints of a small OLMoE in training, with a tokenizer, as a trainer leaves them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from grokscope.llm.monitor import Monitor
from llm.small_olmoe import D_VOCAB, olmoe

WORDS = ["<pad>", "<eos>", "<bos>", "<unk>", *"0123456789", "+", "=", "the", "cat", "sat", "mat"]


def word_tokenizer(words: Sequence[str] = WORDS, *, with_bos: bool = False) -> Any:
    """A token for each word between spaces."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    own = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if with_bos:
        own.post_processor = processors.TemplateProcessing(
            single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 1)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


def train(
    folder: Path, steps: Sequence[int], monitor_of: Any = None, dtype: torch.dtype = torch.float32
) -> Monitor | None:
    """Train, save at some steps as `checkpoint-<step>`, and measure there where a monitor is made.

    Args:
        folder: of the checkpoints.
        steps: at which to save, rising.
        monitor_of: from the model to its monitor.
        dtype: of the weights.
    """
    model = olmoe().to(dtype)
    monitor: Monitor | None = None if monitor_of is None else monitor_of(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    ids = torch.randint(3, D_VOCAB, (8, 12), generator=torch.Generator().manual_seed(1))
    for step in range(max(steps) + 1):
        if step in steps:
            if monitor is not None:
                monitor.step(step)
            model.save_pretrained(folder / f"checkpoint-{step}")
        model(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    if monitor is not None:
        monitor.finish()
    return monitor


def write_lines(path: Path, *lines: Any) -> Path:
    """A file of JSON lines; text is written as it is."""
    own = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(own) + "\n", encoding="utf-8")
    return path
