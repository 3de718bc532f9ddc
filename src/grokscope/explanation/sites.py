"""Reading and overwriting what passes a network's sites, however the network is hooked."""

from collections.abc import Sequence

from torch import Tensor

from grokscope.explanation.subject import Edit, Site, Trace


class Sites:
    """One pass's edit, and what it has read so far."""

    def __init__(
        self, edit: Edit, layers: Sequence[Site], attention: Sequence[Site], *, reads: bool
    ) -> None:
        self.edit = edit
        self._layers, self._attention, self._reads = layers, attention, reads
        self._pre: dict[Site, Tensor] = {}
        self._patterns: dict[Site, Tensor] = {}

    def visit(self, site: Site, value: Tensor) -> Tensor | None:
        """What goes on in the place of `value`; `None` where nothing changes."""
        if site in self._layers:
            changed = self._keep(site, value, self.edit.pre.get(site), self._pre)
            # as ReLU(|x|/2) = |x|/2, the network itself then computes |x|/2
            return changed.abs() / 2 if self.edit.is_rectified else changed
        if site in self._attention:
            return self._keep(site, value, self.edit.patterns.get(site), self._patterns)
        return None

    def trace(self, logits: Tensor) -> Trace:
        """The pass, once it has ended."""
        return Trace(logits=logits, pre=self._pre, patterns=self._patterns)

    def _keep(
        self, site: Site, value: Tensor, edited: Tensor | None, read: dict[Site, Tensor]
    ) -> Tensor:
        changed = value if edited is None else edited.to(value)
        if self._reads:
            read[site] = changed
        return changed
