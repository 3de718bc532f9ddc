"""Facts about entities and what follows from them, as in arXiv 2405.15071 (Wang et al.).

Atomic facts are learned by heart, inferred facts follow from two of them. Some atomic facts are out
of the distribution: they are trained on, but nothing that follows from them is. What follows from
two of those is measured apart, and what follows from one of each kind is left out.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace

from grokscope.core.errors import SettingError
from grokscope.tasks.base import Split, Table, Task


@dataclass(frozen=True, kw_only=True)
class Facts(Task):
    """Atomic facts are always trained on, inferred facts of the distribution are split."""

    train_fraction: float = 0.8
    """Share of the inferred facts of the distribution to train on."""
    ood_share: float = 0.1
    """Share of the atomic facts out of the distribution, in [0, 1)."""
    phi: float | None = None
    """Inferred facts to train on per atomic fact, both of the distribution; decides in place of
    `train_fraction` where it is given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.ood_share < 1:
            raise SettingError("ood_share", "in [0, 1)", self.ood_share)
        if self.phi is not None and not self.phi > 0:
            raise SettingError("phi", "greater than 0", self.phi)

    @property
    @abstractmethod
    def n_known(self) -> int:
        """Atomic facts of the distribution."""

    def make_split(self, table: Table, seed: int) -> Split:
        """As any task does, with as many inferred facts as `phi` asks for.

        Raises:
            SettingError: there are fewer inferred facts than `phi` asks for, or it asks for none.
        """
        if self.phi is None:
            return super().make_split(table, seed)
        n_inferred, wanted = len(table.free), round(self.phi * self.n_known)
        if not 0 < wanted <= n_inferred:
            rule = f"from 1 to {n_inferred} inferred facts over {self.n_known} atomic ones"
            raise SettingError("phi", rule, self.phi)
        # half a row more, lest the fraction lose one to rounding
        fraction = min(1.0, (wanted + 0.5) / n_inferred)
        return replace(self, train_fraction=fraction, phi=None).make_split(table, seed)
