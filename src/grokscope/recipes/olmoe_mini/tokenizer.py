"""A byte-level BPE that is trained on the spot; numbers of the ring are one token each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from grokscope.llm.optional import require_transformers
from grokscope.recipes.olmoe_mini.arithmetic import NUMBERS
from grokscope.recipes.olmoe_mini.domain import Document, Item

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BEGIN, END = "<|begin|>", "<|end|>"


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A document as the model gets it.

    Attributes:
        ids: token ids.
        learned: which of them are learned.
    """

    ids: list[int]
    learned: list[bool]


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

    def documents(self, documents: Sequence[Document]) -> list[Tokens]:
        """The tokens of documents. Pieces are encoded one by one: no token spans two."""
        texts = [text for document in documents for text, _ in document]
        encoded = iter(self.tokenizer.encode_batch(texts))
        return [self._joined([(next(encoded).ids, own) for _, own in each]) for each in documents]

    def question(self, item: Item) -> Tokens:
        """The tokens of a question with its answer, without those of an end."""
        (whole,) = self.documents([item.document])
        return Tokens(ids=whole.ids[:-1], learned=whole.learned[:-1])

    def _joined(self, pieces: list[tuple[list[int], bool]]) -> "Tokens":
        ids, learned = [self.begin], [False]
        for own, is_learned in pieces:
            ids += own
            learned += [is_learned] * len(own)
        return Tokens(ids=[*ids, self.end], learned=[*learned, learned[-1]])

    def _id(self, text: str) -> int:
        found = self.tokenizer.token_to_id(text)
        assert found is not None
        return found
