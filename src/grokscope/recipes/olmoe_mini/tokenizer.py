"""A byte-level BPE that is trained on the spot; numbers of the ring are one token each."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from grokscope.core.errors import UsageError
from grokscope.llm.optional import require_transformers
from grokscope.recipes.olmoe_mini.arithmetic import NUMBERS
from grokscope.recipes.olmoe_mini.domain import Item

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BEGIN, END = "<|begin|>", "<|end|>"


class Words:
    """Text to tokens; a document is `begin`, its tokens, `end`."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self.tokenizer = tokenizer
        self.begin, self.end = self._id(BEGIN), self._id(END)

    @classmethod
    def trained_on(cls, texts: Iterable[str], d_vocab: int) -> "Words":
        """The tokenizer of some texts. Digits are tokens, so that sums can be learned."""
        require_transformers()
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        parts: list[Any] = [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=d_vocab - len(NUMBERS),
            special_tokens=[BEGIN, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        numbers = [AddedToken(text, lstrip=True, normalized=False) for text in NUMBERS]
        tokenizer.add_tokens(numbers)
        return cls(tokenizer)

    @cached_property
    def numbers(self) -> list[int]:
        """The tokens of the numbers of the ring."""
        return [self._id(text) for text in NUMBERS]

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size()

    def documents(self, texts: list[str]) -> list[list[int]]:
        """The tokens of documents."""
        encoded = self.tokenizer.encode_batch(texts)
        return [[self.begin, *one.ids, self.end] for one in encoded]

    def question(self, item: Item) -> tuple[list[int], int]:
        """The tokens of a question with its answer, and how many of them are the question's.

        Raises:
            UsageError: the answer's first token would merge with the question's last.
        """
        prompt = self.tokenizer.encode(item.prompt).ids
        whole = self.tokenizer.encode(item.prompt + item.answer).ids
        if whole[: len(prompt)] != prompt:
            raise UsageError(f"{item.prompt!r} and {item.answer!r} share a token.")
        return [self.begin, *whole], 1 + len(prompt)

    def _id(self, text: str) -> int:
        return int(self.tokenizer.token_to_id(text))
