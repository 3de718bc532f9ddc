"""Comparison of facts: whose value is greater, once both are known (arXiv 2405.15071)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from grokscope.core.settings import require_at_least
from grokscope.tasks.base import Table
from grokscope.tasks.facts import Facts


@dataclass(frozen=True, kw_only=True)
class FactComparison(Facts):
    """Atomic facts e, a → value, and a, e₁, e₂ → `<`, `=` or `>` for every two entities.

    Tokens are entities, then attributes; answers are values, then the three. Both orders of two
    entities are on the same side of the split. Of each attribute, the same share of entities is
    out of the distribution. The published setting has 1,000 entities, 20 attributes, 20 values and
    φ from 3.6 to 12.6, and 10 % of the inferred facts to test; this one is small. Unlike there, the
    three answers are the same for all attributes, there are no marks between tokens, and what is
    not trained on, as φ is lowered, is tested on.
    """

    train_fraction: float = 0.4
    entities: int = 32
    attributes: int = 4
    values: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "entities", "attributes", "values")

    @property
    def exact_name(self) -> str:
        """Such as `comparison of facts about 32 entities`."""
        return f"comparison of facts about {self.entities} entities"

    @property
    def n_known(self) -> int:
        """Atomic facts of the distribution."""
        return self.attributes * (self.entities - self._n_ood)

    @property
    def _n_ood(self) -> int:
        """Entities out of the distribution, per attribute."""
        return round(self.ood_share * self.entities)

    def exact_table(self) -> Table:
        """Atomic facts by entity and attribute, then inferred ones by attribute and entities."""
        value, is_ood = self._values()
        entity, attribute = torch.arange(self.entities), torch.arange(self.attributes)
        e, a = torch.cartesian_prod(entity, attribute).unbind(1)
        atomic = torch.stack([e, self.entities + a, torch.full_like(e, -1)], 1)
        triples = torch.cartesian_prod(attribute, entity, entity)
        a, first, second = triples.unbind(1)
        triples = triples[(first != second) & (is_ood[first, a] == is_ood[second, a])]
        a, first, second = triples.unbind(1)
        order = (value[first, a] - value[second, a]).sign() + 1
        pair = torch.stack([a, torch.minimum(first, second), torch.maximum(first, second)], 1)
        bundle = pair.unique(dim=0, return_inverse=True)[1]
        free = torch.zeros(len(atomic), dtype=torch.bool)
        inputs = torch.cat([atomic, triples + torch.tensor([self.entities, 0, 0])])
        return Table(
            inputs=inputs,
            labels=torch.cat([value.flatten(), self.values + order]),
            d_vocab=self.entities + self.attributes,
            n_classes=self.values + 3,
            mirror=torch.arange(len(inputs)),
            always=torch.arange(len(inputs)) < len(atomic),
            never=torch.cat([free, is_ood[first, a]]),
            bundle=torch.cat([torch.arange(len(atomic)), len(atomic) + bundle]),
        )

    def _values(
        self,
    ) -> tuple[Int[Tensor, "entity attribute"], Bool[Tensor, "entity attribute"]]:
        """Every entity's values, and which of them are out of the distribution."""
        stream = self.stream("facts")
        value = torch.randint(self.values, (self.entities, self.attributes), generator=stream)
        rank = torch.rand(value.shape, generator=stream).argsort(0)
        return value, rank < self._n_ood
