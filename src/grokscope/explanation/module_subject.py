"""Any `torch.nn.Module` as a subject, by the names of its embeddings and of what is to be watched.

What is no module, such as a function of tokens and weights, is wrapped in one: a class whose
`forward` calls it, with the embedding as a parameter, and an `nn.Identity` wherever pre-activations
or attention patterns pass.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call

from grokscope.core.errors import MemoryExceededError, SettingError, UsageError
from grokscope.explanation.borrowed_module import Visit, borrowed, require_submodules
from grokscope.explanation.operands import Arguments, Inputs, Operands, Rows, as_arguments
from grokscope.explanation.sites import Sites
from grokscope.explanation.subject import Edit, Site, Subject, Trace
from grokscope.explanation.symmetry import symmetry_of
from grokscope.tasks import Task

MEMORY_LIMIT = 4 * 10**9
"""Most bytes that one pass over the table may leave behind: its logits and all that is read."""

_CHUNK = 16 * 10**6
"""Bytes of logits and readings that are computed at once; more is slower, and 1 MB is as well."""
_PROBE = 64
"""Rows on which a new subject is tried."""


class ModuleSubject(Subject):
    """A module that someone else trained, on the table of a task.

    Only copies are changed: the module's parameters, hooks and modes are the same afterwards.
    Results are on the CPU.

    Args:
        module: any module that answers the rows of the task, each row by itself.
        task: whose table it answers; it must have a group.
        embeddings: name of the (token, d_model) parameter that embeds the operands, or one name
            per operand.
        pre: names of submodules whose output is pre-activations, (row, position, neuron) or
            (row, neuron), from the first layer to the last. `explain` needs them, `legacy` does
            not.
        patterns: names of submodules whose output is attention patterns, (row, head, query, key).
        inputs: gives what the module is called with, a tensor or a tuple of them, for a (row, 2)
            tensor of tokens; those tokens themselves where it is not given. Each operand needs a
            column of whole numbers that depends on it alone, such as its token.
        operand_rows: for each operand, the row of `embeddings` of each of its tokens. Needed only
            where the module itself moves tokens, so that the inputs do not show it.
        answer: gives (row, class) logits for what the module returns; where it is not given, the
            output itself, or its last position if it has positions.
        name: for people; the module's class where it is not given.

    Raises:
        UsageError: the task has no group, a name does not exist, an operand's embedding cannot be
            replaced alone or does not feed the output, or outputs have other shapes than these.
        SettingError: `operand_rows` does not fit.
        MemoryExceededError: logits and readings of the whole table exceed `MEMORY_LIMIT`.
    """

    def __init__(  # noqa: PLR0913 (a foreign module can differ in all of these)
        self,
        module: nn.Module,
        task: Task,
        *,
        embeddings: str | tuple[str, str],
        pre: str | Sequence[str] = (),
        patterns: str | Sequence[str] = (),
        inputs: Inputs | None = None,
        operand_rows: Sequence[Sequence[int]] | None = None,
        answer: Callable[..., Tensor] | None = None,
        name: str = "",
    ) -> None:
        table = task.table()
        layout = symmetry_of(table)
        if layout is None:
            raise UsageError("This task has no group, so there is nothing to explain it by.")
        self.layers, self.attention = _names(pre), _names(patterns)
        require_submodules(module, "pre", self.layers)
        require_submodules(module, "patterns", self.attention)
        self.name = name or type(module).__name__
        self.symmetry, self.labels = layout.symmetry, layout.labels
        self._module, self._layout, self._answer = module, layout, answer or _last_position
        pair = (embeddings, embeddings) if isinstance(embeddings, str) else embeddings
        rows = table.inputs[layout.rows].to(_device(module))
        arguments = as_arguments(inputs(rows) if inputs else rows, len(rows))
        self._operands = Operands(module, layout, pair, arguments, operand_rows)
        self.embeddings = self._operands.embeddings.cpu()
        self._learn_shapes()
        self._require_edits()

    @torch.no_grad()
    def run(self, edit: Edit | None = None, *, reads: bool = False) -> Trace:
        """See `Subject.run`; goes through the table in chunks.

        Raises:
            UsageError: the edit names a site that this subject does not have.
            SettingError: a tensor of the edit has another shape than what it replaces.
        """
        edit = edit or Edit()
        self._require_fit(edit)
        starts = range(0, self.order**2, self._rows_at_once)
        chunks = [slice(start, start + self._rows_at_once) for start in starts]
        return _joined([self._pass(edit, chunk, reads=reads) for chunk in chunks])

    def gradients(
        self, rows: Int[Tensor, " sample"], classes: Int[Tensor, " sample"]
    ) -> Float[Tensor, "slot sample d_model"]:
        """See `Subject.gradients`.

        Raises:
            UsageError: the module does not pass gradients on.
        """
        pieces = zip(rows.split(self._rows_at_once), classes.split(self._rows_at_once), strict=True)
        return torch.cat([self._gradients(*piece) for piece in pieces], 1)

    def _gradients(
        self, rows: Int[Tensor, " sample"], classes: Int[Tensor, " sample"]
    ) -> Float[Tensor, "slot sample d_model"]:
        which = [self._layout.coordinates(slot)[rows] for slot in (0, 1)]
        pairs = zip(self.embeddings, which, strict=True)
        own = torch.stack([table[each] for table, each in pairs]).requires_grad_()
        samples = torch.arange(len(rows))
        with torch.enable_grad(), borrowed(self._module, {}):
            logits = self._logits(*self._operands.replaced(rows, own, [samples, samples]))
            columns = self._layout.classes(self._n_outputs)[classes].to(logits.device)
            chosen = logits[samples.to(logits.device), columns]
            if not chosen.requires_grad:
                raise UsageError("The module does not pass gradients on to its embeddings.")
            (gradient,) = torch.autograd.grad(chosen.sum(), own)
        return gradient

    def _pass(self, edit: Edit, rows: Rows, *, reads: bool) -> Trace:
        """Some rows of the table, with the edit of the whole table."""
        sites = Sites(_sliced(edit, rows), self.layers, self.attention, reads=reads)
        visits = {site: _visit(sites, site) for site in (*self.layers, *self.attention)}
        with borrowed(self._module, visits):
            logits = self._logits(*self._call(edit, rows))
        classes = self._layout.classes(logits.shape[1]).to(logits.device)
        return _on_cpu(sites.trace(logits[:, classes]))

    def _call(self, edit: Edit, rows: Rows) -> tuple[dict[str, Tensor], Arguments]:
        if edit.embeddings is None:
            return {}, self._operands.plain(rows)
        which = [self._layout.coordinates(slot)[rows] for slot in (0, 1)]
        return self._operands.replaced(rows, edit.embeddings, which)

    def _logits(
        self, parameters: Mapping[str, Tensor], arguments: Arguments
    ) -> Float[Tensor, "row n_outputs"]:
        # untied, so that an unembedding that shares the embedding's parameter stays as it is; one
        # that multiplies by the parameter itself gets more outputs, which are cut off
        output = functional_call(self._module, dict(parameters), arguments, tie_weights=False)
        return self._answer(output)[:, : self._n_outputs]

    @torch.no_grad()
    def _learn_shapes(self) -> None:
        """Number of outputs, shapes of the readings, and what a row of both takes."""
        passes: Counter[Site] = Counter()
        outputs: dict[Site, object] = {}

        def watch(site: Site) -> Visit:
            def visit(output: object) -> None:
                passes[site] += 1
                outputs[site] = output

            return visit

        sites, probe = self.layers + self.attention, self._probe()
        with borrowed(self._module, {site: watch(site) for site in sites}):
            logits = self._answer(self._called(probe))
        n_classes = int(self._layout.answers.max()) + 1
        self._n_outputs = _require_logits(logits, len(probe), n_classes)
        self._shapes: dict[Site, torch.Size] = {}
        size = logits.nbytes
        for site in sites:
            dims = (2, 3) if site in self.layers else (4,)
            value = _require_reading(site, outputs.get(site), passes[site], len(probe), dims)
            self._shapes[site] = value.shape[1:]
            size += value.nbytes
        self._rows_at_once = max(1, _CHUNK * len(probe) // size)
        _require_memory(size * self.order**2 / len(probe), self.name)

    def _called(self, rows: Int[Tensor, " row"]) -> object:
        try:
            return self._module(*self._operands.plain(rows))
        except Exception as error:
            raise UsageError(
                "`inputs`: the module cannot be called with what they give for its rows "
                f"({_reason(error)})."
            ) from error

    @torch.no_grad()
    def _require_edits(self) -> None:
        """Try on a few rows that embeddings can be replaced and that the output depends on them."""
        plain = self._pass(Edit(), self._probe(), reads=False).logits
        if not plain.isfinite().all():
            raise UsageError("The module's logits are not all finite.")
        same = self._edited(self.embeddings)
        if not _close(same, plain):
            raise UsageError(
                "`embeddings`: to replace each operand's embeddings by themselves changes the "
                "logits; the module does something else with the tokens than look them up there."
            )
        for slot in (0, 1):
            tables = self.embeddings.clone()
            tables[slot] = tables[slot].mean(0)
            if torch.equal(self._edited(tables), same):
                raise UsageError(f"`embeddings` of operand {slot} does not feed the output.")

    def _probe(self) -> Int[Tensor, " row"]:
        """A few rows from all over the table."""
        n_rows = self.order**2
        return torch.linspace(0, n_rows - 1, min(_PROBE, n_rows)).long()

    def _edited(
        self, tables: Float[Tensor, "slot order d_model"]
    ) -> Float[Tensor, "probe n_outputs"]:
        try:
            return self._pass(Edit(embeddings=tables), self._probe(), reads=False).logits
        except Exception as error:
            raise UsageError(
                "`embeddings`: the module cannot look up embeddings of their own for both operands "
                f"({_reason(error)})."
            ) from error

    def _require_fit(self, edit: Edit) -> None:
        """Refuse what would do nothing, an unknown site, or would broadcast, a wrong shape."""
        if edit.embeddings is not None:
            _require_shape("embeddings", edit.embeddings, self.embeddings.shape)
        for known, edits in ((self.layers, edit.pre), (self.attention, edit.patterns)):
            for site, value in edits.items():
                if site not in known:
                    raise UsageError(f"The edit's {site!r} is none of the sites {known}.")
                _require_shape(site, value, torch.Size([self.order**2, *self._shapes[site]]))


def _reason(error: Exception) -> str:
    """The kind of an error and its first line."""
    first, _, _ = str(error).strip().partition("\n")
    return f"{type(error).__name__}: {first}"


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _device(module: nn.Module) -> torch.device:
    first = next(module.parameters(), next(module.buffers(), None))
    return torch.device("cpu") if first is None else first.device


def _last_position(output: object) -> Tensor:
    if not isinstance(output, Tensor) or output.ndim not in (2, 3):
        raise UsageError(
            "The module's output is no (row, class) or (row, position, class) tensor: say with "
            "`answer` where its logits are."
        )
    return output[:, -1] if output.ndim == 3 else output


def _visit(sites: Sites, site: Site) -> Visit:
    def visit(output: object) -> Tensor | None:
        changed = sites.visit(site, output) if isinstance(output, Tensor) else None
        # a copy goes on: what comes next may work in place, and an edit or a reading stays as it is
        return None if changed is None else changed.clone()

    return visit


def _sliced(edit: Edit, rows: Rows) -> Edit:
    return replace(
        edit,
        pre={site: value[rows] for site, value in edit.pre.items()},
        patterns={site: value[rows] for site, value in edit.patterns.items()},
    )


def _on_cpu(trace: Trace) -> Trace:
    return Trace(
        logits=trace.logits.detach().cpu(),
        pre={site: value.detach().cpu() for site, value in trace.pre.items()},
        patterns={site: value.detach().cpu() for site, value in trace.patterns.items()},
    )


def _joined(traces: list[Trace]) -> Trace:
    if len(traces) == 1:
        return traces[0]
    return Trace(
        logits=torch.cat([trace.logits for trace in traces]),
        pre={site: torch.cat([trace.pre[site] for trace in traces]) for site in traces[0].pre},
        patterns={
            site: torch.cat([trace.patterns[site] for trace in traces])
            for site in traces[0].patterns
        },
    )


def _close(one: Float[Tensor, "row n_outputs"], other: Float[Tensor, "row n_outputs"]) -> bool:
    """Whether logits are the same up to rounding."""
    tolerance = torch.finfo(other.dtype).eps ** 0.5 * float(other.abs().max())
    return bool((one - other).abs().max() <= tolerance)


def _require_logits(logits: object, n_rows: int, n_classes: int) -> int:
    rule = f"({n_rows}, at least {n_classes}) for {n_rows} rows"
    if not isinstance(logits, Tensor):
        raise UsageError(f"The answer must have shape {rule}, got {type(logits).__name__}.")
    if logits.ndim != 2 or len(logits) != n_rows or logits.shape[1] < n_classes:
        raise UsageError(f"The answer must have shape {rule}, got {tuple(logits.shape)}.")
    return logits.shape[1]


def _require_reading(
    site: Site, value: object, times: int, n_rows: int, dims: tuple[int, ...]
) -> Tensor:
    if times != 1:
        many = "not at all" if times == 0 else f"{times} times"
        raise UsageError(f"{site!r} must be passed once on the way to the output, was {many}.")
    if not isinstance(value, Tensor) or value.ndim not in dims or len(value) != n_rows:
        axes = "(row, head, query, key)" if dims == (4,) else "(row, position, neuron)"
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise UsageError(f"The output of {site!r} must be {axes} with {n_rows} rows, got {got}.")
    return value


def _require_memory(size: float, name: str) -> None:
    if size > MEMORY_LIMIT:
        raise MemoryExceededError(
            f"Logits and readings of {name} on the whole table must take at most "
            f"{MEMORY_LIMIT / 1e9:.1f} GB, got {size / 1e9:.1f} GB: name fewer sites, or give with "
            "`answer` only the outputs that matter."
        )


def _require_shape(what: str, value: Tensor, shape: torch.Size) -> None:
    if value.shape != shape:
        raise SettingError(what, f"of shape {tuple(shape)}", tuple(value.shape))
