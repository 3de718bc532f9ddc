"""Composition of facts: whom r₂ of r₁ of h is, once r₁ of h is known (arXiv 2405.15071)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import require_at_least
from grokscope.tasks.base import Table
from grokscope.tasks.facts import Facts

Edges = Int[Tensor, "entity edge"]


@dataclass(frozen=True, kw_only=True)
class FactComposition(Facts):
    """Atomic facts h, r → t about random entities, and h, r₁, r₂ → t for every two in a chain.

    Tokens are entities, then relations; answers are entities. An entity has several relations, each
    with one tail. The published setting has 2,000 entities, 200 relations, out-degree 20, an OOD
    share of .05, φ from 3.6 to 18, and .5 % of the inferred facts to test; this one is small.
    Unlike there, what is not trained on, as φ is lowered, is tested on.
    """

    entities: int = 64
    relations: int = 16
    out_degree: int = 8
    """Relations that each entity has, drawn without repetition."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "entities", "relations")
        if not 1 <= self.out_degree <= self.relations:
            rule = f"from 1 to `relations` = {self.relations}"
            raise SettingError("out_degree", rule, self.out_degree)

    @property
    def exact_name(self) -> str:
        """Such as `composition of facts about 64 entities`."""
        return f"composition of facts about {self.entities} entities"

    @property
    def n_known(self) -> int:
        """Atomic facts of the distribution."""
        return self.entities * self.out_degree - self._n_ood

    @property
    def _n_ood(self) -> int:
        return round(self.ood_share * self.entities * self.out_degree)

    def exact_table(self) -> Table:
        """Atomic facts by head and relation, then inferred ones by head and both relations."""
        relation, tail, is_ood = self._graph()
        head = torch.arange(self.entities)[:, None].expand_as(tail)
        atomic = torch.stack([head, self.entities + relation, torch.full_like(head, -1)], -1)
        chain = (self.entities, self.out_degree, self.out_degree)
        inferred = torch.stack(
            [
                head[:, :, None].expand(chain),
                self.entities + relation[:, :, None].expand(chain),
                self.entities + relation[tail],
            ],
            -1,
        )
        first = is_ood[:, :, None].expand(chain)
        kept = first == is_ood[tail]
        always = torch.arange(tail.numel() + int(kept.sum())) < tail.numel()
        inputs = torch.cat([atomic.flatten(0, 1), inferred[kept]])
        return Table(
            inputs=inputs,
            labels=torch.cat([tail.flatten(), tail[tail][kept]]),
            d_vocab=self.entities + self.relations,
            n_classes=self.entities,
            mirror=torch.arange(len(inputs)),
            always=always,
            never=torch.cat([torch.zeros(tail.numel(), dtype=torch.bool), first[kept]]),
        )

    def _graph(self) -> tuple[Edges, Edges, Bool[Tensor, "entity edge"]]:
        """Relation and tail of each entity's facts, and which are out of the distribution."""
        stream = self.stream("facts")
        shuffled = torch.rand(self.entities, self.relations, generator=stream).argsort(1)
        relation = shuffled[:, : self.out_degree].sort(1).values
        tail = torch.randint(self.entities, relation.shape, generator=stream)
        is_ood = torch.zeros(relation.numel(), dtype=torch.bool)
        is_ood[torch.randperm(len(is_ood), generator=stream)[: self._n_ood]] = True
        return relation, tail, is_ood.view_as(relation)
