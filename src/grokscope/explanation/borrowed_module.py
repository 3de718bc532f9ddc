"""A module that someone else trained, watched for a while and given back as it was."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from grokscope.core.errors import UsageError

Visit = Callable[[object], Tensor | None]
"""Called with a submodule's output; what it returns goes on in its place."""

_MOST_NAMES = 20


@contextmanager
def borrowed(module: nn.Module, visits: Mapping[str, Visit]) -> Generator[None]:
    """Put a module into evaluation mode and call `visits` with the outputs of its submodules.

    Afterwards, after an error too, the hooks are gone and every submodule is in the mode it was in.
    """
    modes = [(part, part.training) for part in module.modules()]
    handles = [
        module.get_submodule(name).register_forward_hook(_hook(visit))
        for name, visit in visits.items()
    ]
    try:
        module.eval()
        yield
    finally:
        for handle in handles:
            handle.remove()
        for part, mode in modes:
            part.training = mode


def require_submodules(module: nn.Module, setting: str, names: tuple[str, ...]) -> None:
    """Refuse names that the module does not have.

    Raises:
        UsageError: with the first such name, and the names that exist.
    """
    existing = [name for name, _ in module.named_modules(remove_duplicate=False) if name]
    for name in names:
        if name not in existing:
            raise UsageError(
                f"`{setting}`: the module has no submodule {name!r}. {_listed(existing)}"
            )


def named_tensor(module: nn.Module, setting: str, name: str) -> Tensor:
    """A parameter or buffer by its full name.

    Raises:
        UsageError: there is none; the message lists the names that exist.
    """
    tensors = dict(module.named_parameters(remove_duplicate=False))
    tensors |= dict(module.named_buffers(remove_duplicate=False))
    if name not in tensors:
        raise UsageError(
            f"`{setting}`: the module has no parameter {name!r}. {_listed(list(tensors))}"
        )
    return tensors[name]


def _hook(visit: Visit) -> Callable[[nn.Module, object, object], Tensor | None]:
    def hook(_module: nn.Module, _arguments: object, output: object) -> Tensor | None:
        return visit(output)

    return hook


def _listed(names: list[str]) -> str:
    if not names:
        return "It has none."
    more = f", and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"It has {', '.join(names[:_MOST_NAMES])}{more}."
