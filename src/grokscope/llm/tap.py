"""Reads the routers of a mixture-of-experts model while it runs, in training too.

What comes out is the pathway of every sample (arXiv 2506.21551): per layer, the mean of its tokens'
routing weights.

    tap = RouterTap(model)                      # before torch.compile
    with tap.record(attention_mask=mask) as recording:
        model(input_ids=ids, attention_mask=mask)
    pathways = recording.pathways()             # (layer, sample, expert)

A forward hook on each router adds on the device, and only while a recording is open; otherwise it
is one comparison. Nothing is kept by token, nothing waits for the device before the pathways are
asked for, the loss is not touched, and a forward that gradient checkpointing repeats counts once.
"""

import itertools
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType

import torch
from torch import Tensor, nn

from grokscope.core.errors import SettingError, UsageError
from grokscope.llm.recording import LayerSums, Recording
from grokscope.llm.router import Modules, Router, find_routers
from grokscope.llm.scoring import Scoring
from grokscope.llm.segments import token_samples

logger = logging.getLogger(__name__)


class RouterTap:
    """Hooks on the routers of a model, until `detach`.

    What the user gets wrong is raised: at once where the routers are not found, and by `record` and
    `batch` where a mask does not fit. What goes wrong within the model's forward never is, so that
    no training stops for it: the tap switches itself off, logs one warning, and the recording names
    it in `problems`.

    On a model that is compiled, attach before it runs for the first time.

    Attributes:
        routers: what is tapped, in the model's order.
    """

    def __init__(
        self,
        model: nn.Module,
        modules: Modules | None = None,
        *,
        scoring: Scoring | None = None,
        output: int | None = None,
    ) -> None:
        """Finds the routers and puts hooks on them; arguments and errors are `find_routers`'s."""
        self.routers: tuple[Router, ...] = tuple(
            find_routers(model, modules, scoring=scoring, output=output)
        )
        config = getattr(model, "config", None)
        self._has_encoder = bool(getattr(config, "is_encoder_decoder", False))
        self._recording: Recording | None = None
        self._broken: list[str] = []
        self._distributions = [torch.ones((), dtype=torch.bool) for _ in self.routers]
        self._handles = [
            router.module.register_forward_hook(self._hook(position))
            for position, router in enumerate(self.routers)
        ]

    def __enter__(self) -> "RouterTap":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.detach()

    def detach(self) -> None:
        """Takes the hooks away: the model is as it was before."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    @contextmanager
    def record(
        self,
        *,
        samples: int | None = None,
        attention_mask: Tensor | None = None,
        segments: Tensor | None = None,
        position_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Generator[Recording, None, None]:
        """Records every forward until the block is left.

        A row of the batch is a sample, unless `segments` or `position_ids` say otherwise. What is
        given holds for all forwards until `Recording.batch` says otherwise, so that micro-batches
        make one recording: open it with `samples` alone, and call `batch` before each forward.

        In training, put it around the forward; the backward may be inside or outside. Give tensors
        that are on the CPU, where you have them: those on a device are waited for once.

        Args:
            samples: how many there are; by default as many as the batch names.
            attention_mask: (batch, sequence), 0 for padding.
            segments: (batch, sequence), the sample of each token, negative for those of none.
            position_ids: (batch, sequence), starting again from 0 with every document in a row.
            decoder_attention_mask: the mask of the decoder's tokens, where there is an encoder too;
                their sample is their row.

        Raises:
            UsageError: the tap is detached, or records already.
            SettingError: nothing says whose the tokens are, or shapes differ, or there are more
                samples than `samples`.
        """
        recording = self._opened(
            samples,
            decoder_attention_mask,
            attention_mask=attention_mask,
            segments=segments,
            position_ids=position_ids,
        )
        try:
            yield recording
        finally:
            self._recording = None

    def _opened(
        self, samples: int | None, of_decoder: Tensor | None, **tokens: Tensor | None
    ) -> Recording:
        if not self._handles:
            raise UsageError("the tap is detached: make a new one.")
        if self._recording is not None:
            raise UsageError("the tap records already: leave that block first.")
        n = _samples_of(tokens) if samples is None else samples
        if n < 1:
            raise SettingError("samples", "at least 1", samples)
        recording = Recording(self._layers(n), n)
        if any(one is not None for one in (*tokens.values(), of_decoder)):
            recording.batch(**tokens, decoder_attention_mask=of_decoder)
        recording.broken.extend(self._broken)
        self._recording = None if self._broken else recording
        return recording

    def _layers(self, samples: int) -> list[LayerSums]:
        layers: list[LayerSums] = []
        for position, router in enumerate(self.routers):
            device = _device(router)
            # what was found out about a router stays, also where the model has moved
            known = self._distributions[position] = self._distributions[position].to(device)
            layer = LayerSums(
                router=router,
                is_decoder=self._has_encoder and "decoder" in router.name.split("."),
                weights=torch.zeros(samples + 1, router.experts, device=device),
                tokens=torch.zeros(samples + 1, dtype=torch.long, device=device),
                is_distribution=known,
                disagrees=torch.zeros((), dtype=torch.bool, device=device),
            )
            layers.append(layer)
        return layers

    def _hook(self, position: int) -> Callable[[nn.Module, object, object], None]:
        def observe(module: nn.Module, args: object, output: object) -> None:
            recording = self._recording
            if recording is None or _is_repeated():
                return
            try:
                problem = recording.add(position, output)
            except Exception as error:  # whatever it is, the model's forward must go on
                problem = f"`{self.routers[position].name}`: {error}"
            if problem is not None:
                self._give_up(recording, problem)

        return observe

    def _give_up(self, recording: Recording, problem: str) -> None:
        self._recording = None
        self._broken = [problem]
        recording.broken.append(problem)
        logger.warning("The router tap is off: %s", problem)


def _is_repeated() -> bool:
    """Whether gradient checkpointing runs this forward a second time: then a backward is going on.

    What is compiled is not run by hooks a second time.
    """
    if torch.compiler.is_compiling():
        return False
    return torch._C._current_graph_task_id() != -1  # pyright: ignore[reportPrivateUsage]


def _samples_of(tokens: dict[str, Tensor | None]) -> int:
    """How many samples a batch names."""
    mask = tokens["attention_mask"]
    if mask is not None and tokens["segments"] is None and tokens["position_ids"] is None:
        return len(mask)  # the last rows may be nothing but padding
    return max(int(token_samples(**tokens).max()) + 1, 1)


def _device(router: Router) -> torch.device:
    tensors = itertools.chain(router.module.parameters(), router.module.buffers())
    return next((one.device for one in tensors), torch.device("cpu"))
