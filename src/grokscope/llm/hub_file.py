"""Files of a model, from its directory or from the hub; errors of the hub as one line.

The hub's own cache is looked at first, and with `HF_HUB_OFFLINE` set nothing else.
"""

from pathlib import Path

from grokscope.core.errors import GrokscopeError, UsageError
from grokscope.llm.checkpoint_name import WEIGHTS, Place


def is_offline() -> bool:
    """Whether the hub must not be asked."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def file_of(place: Place, name: str) -> Path | None:
    """A file of a model; None if the model has none of that name.

    Raises:
        UsageError: there is no such model or revision on the hub.
        GrokscopeError: the hub cannot be asked, or does not give it.
    """
    if place.path is not None:
        return place.path / name if (place.path / name).is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        found = hf_hub_download(
            place.repository, name, revision=place.revision, local_files_only=is_offline()
        )
        return Path(found)
    except LocalEntryNotFoundError as error:
        if is_offline() and _has_revision(place):
            return None
        raise _hub_error(place, error) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # whatever the client and what it stands on raise
        raise _hub_error(place, error) from error


def require_cached(place: Place) -> None:
    """Where the hub must not be asked: refuse a model whose weights are not in the cache.

    Raises:
        GrokscopeError: they are not.
    """
    if place.path is None and is_offline():
        files = (file_of(place, name) for name in WEIGHTS)
        if next((file for file in files if file is not None), None) is None:
            raise GrokscopeError(f"The weights of {place.name} are not in the cache {_OFFLINE}.")


_OFFLINE = "of the hub, and HF_HUB_OFFLINE is set"


def _has_revision(place: Place) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(
        try_to_load_from_cache(place.repository, "config.json", revision=place.revision), str
    )


def _hub_error(place: Place, error: Exception) -> GrokscopeError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return GrokscopeError(f"{place.repository} is gated: ask for access on the hub, log in.")
    if isinstance(error, errors.RevisionNotFoundError):
        return UsageError(f"{place.repository} has no revision {place.revision!r} on the hub.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return UsageError(f"There is no {place.repository} here or on the hub, or it is private.")
    if isinstance(error, errors.HFValidationError):
        return UsageError(f"{place.name} is neither a directory nor a name on the hub.")
    if isinstance(error, errors.LocalEntryNotFoundError) and is_offline():
        return GrokscopeError(f"{place.name} is no directory, and not in the cache {_OFFLINE}.")
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return GrokscopeError(f"{place.name} cannot be had from the hub: {reason}")
