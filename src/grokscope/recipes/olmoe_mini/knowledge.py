"""Knowledge: invented people, who is what to whom, and what follows from two such facts.

After arXiv 2405.15071: atomic facts (the mentor of Ruvo is Tesk) are all trained on; of what
follows from two of them (the friend of the mentor of Ruvo), `phi` facts are trained on for each
atomic one, and the rest is held out.
"""

import numpy as np

from grokscope.core.seeds import stream_seed
from grokscope.recipes.olmoe_mini.domain import Item, chosen, some

ENTITIES = 30
RELATIONS = ("mentor", "friend", "rival", "neighbour", "doctor")
PHI = 4.0
"""Trained inferred facts for each atomic one; with five relations five are possible."""
INFERRED_SHARE = 0.7
FACTS = 2
"""In a document."""

_HEADS = ("Ru", "Te", "Ka", "Mi", "Zo", "Be", "Lu", "Sa", "Di", "Fe")
_TAILS = ("vo", "sk", "rin", "lam")
_FORMS = ("The {what} is{who}.", "Who is the {what}?{who}.", "Ask the {what}:{who}.")

Fact = tuple[int, ...]
"""A person and one or two relations, in the order in which they are followed."""


class Knowledge:
    """Facts of one and of two hops.

    Args:
        seed: of the world, and of the answers if they are shuffled.
        shuffled: whether the answers of facts of two hops are dealt out anew among them.
    """

    name = "knowledge"

    def __init__(self, seed: int, *, shuffled: bool = False) -> None:
        rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/knowledge"))
        names = [head + tail for head in _HEADS for tail in _TAILS]
        self.names = [f" {names[i]}" for i in rng.permutation(len(names))[:ENTITIES]]
        self._world = rng.integers(ENTITIES, size=(ENTITIES, len(RELATIONS)))
        relations = range(len(RELATIONS))
        self.atomic: list[Fact] = [(e, r) for e in range(ENTITIES) for r in relations]
        inferred = [(*fact, r) for fact in self.atomic for r in relations]
        order = rng.permutation(len(inferred))
        kept = round(PHI * len(self.atomic))
        self.trained: list[Fact] = [inferred[i] for i in order[:kept]]
        self.held_out: list[Fact] = [inferred[i] for i in order[kept:]]
        answers = np.array([self._follow(fact) for fact in inferred])
        if shuffled:
            answers = rng.permutation(answers)
        self._answers = dict(zip(inferred, answers.tolist(), strict=True))

    def draw(self, rng: np.random.Generator) -> str:
        """Two facts in one of three wordings each."""
        return " ".join(self._sentence(self._fact(rng), chosen(rng, _FORMS)) for _ in range(FACTS))

    def items(self, *, trained: bool, count: int, rng: np.random.Generator) -> list[Item]:
        """Facts of two hops in the first wording."""
        facts = self.trained if trained else self.held_out
        before, _ = _FORMS[0].split("{who}")
        return [
            Item(
                domain=self.name,
                prompt=before.format(what=self._what(fact)),
                answer=self._who(fact),
                trained=trained,
            )
            for fact in (facts[i] for i in some(rng, count, len(facts)))
        ]

    def _fact(self, rng: np.random.Generator) -> Fact:
        facts = self.trained if rng.random() < INFERRED_SHARE else self.atomic
        return facts[int(rng.integers(len(facts)))]

    def _sentence(self, fact: Fact, form: str) -> str:
        return form.format(what=self._what(fact), who=self._who(fact))

    def _what(self, fact: Fact) -> str:
        person, *relations = fact
        return " of the ".join(RELATIONS[r] for r in reversed(relations)) + " of" + self.names[person]

    def _who(self, fact: Fact) -> str:
        return self.names[self._answers[fact] if fact in self._answers else self._follow(fact)]

    def _follow(self, fact: Fact) -> int:
        person, *relations = fact
        for relation in relations:
            person = int(self._world[person, relation])
        return person
