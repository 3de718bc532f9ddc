"""What a corpus is made of: its domains, how much of each, and what is kept aside."""

from dataclasses import dataclass

import numpy as np

from grokscope.core.seeds import stream_seed
from grokscope.recipes.olmoe_mini.arithmetic import Arithmetic
from grokscope.recipes.olmoe_mini.domain import Domain
from grokscope.recipes.olmoe_mini.knowledge import Knowledge
from grokscope.recipes.olmoe_mini.programs import Code
from grokscope.recipes.olmoe_mini.prose import Prose
from grokscope.recipes.olmoe_mini.texts import Chunks, prose, read_sources


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """The domains of one run, by name, and a checksum of the real text behind two of them."""

    domains: dict[str, Domain]
    checksum: str

    @classmethod
    def of(cls, seed: int, *, shuffled: bool, packages: tuple[str, ...] = ()) -> "Mixture":
        """The domains of a seed.

        Args:
            seed: of the worlds, the splits and the order of the texts.
            shuffled: whether answers are dealt out anew, so that they can be learned by heart only.
            packages: installed packages whose sources are read beside the standard library's.
        """
        rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/texts"))
        sources = read_sources(packages)
        code, text = Chunks(sources, rng, "source code"), Chunks(prose(sources), rng, "prose")
        domains: list[Domain] = [
            Arithmetic(seed, shuffled=shuffled),
            Code(seed, code, shuffled=shuffled),
            Knowledge(seed, shuffled=shuffled),
            Prose(text),
        ]
        return cls(domains={each.name: each for each in domains}, checksum=code.checksum)
