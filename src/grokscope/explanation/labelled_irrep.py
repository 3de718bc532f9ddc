"""What an explanation says about one irrep, and about one class of conjugate subgroups."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LabelledIrrep:
    """One irrep that a network computes with.

    Attributes:
        key: its place among `real_irreps`.
        name: such as `standard`.
        dimension: of its real matrices.
        share: of the embedding's energy.
        coefficient: of its character in the mean logits as a function of c⁻¹∘x∘y.
        accuracy_without: of the network once this irrep alone is taken out of its embedding.
        necessary: whether the network errs then.
    """

    key: int
    name: str
    dimension: int
    share: float
    coefficient: float
    accuracy_without: float
    necessary: bool


@dataclass(frozen=True, kw_only=True)
class SubgroupRole:
    """Neurons of the first layer that are constant on the cosets of conjugate subgroups.

    Attributes:
        name: one of the subgroups with its generators.
        order: its number of elements.
        n_conjugates: how many subgroups the class has.
        n_neurons: neurons whose parts in x and in y are both constant on cosets of the class.
        accuracy_without: of the network with these neurons at their mean over all rows.
    """

    name: str
    order: int
    n_conjugates: int
    n_neurons: int
    accuracy_without: float
