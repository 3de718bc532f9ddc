"""One run on disk.

```
<UTC date>-<recipe>-<id8>/
  config.toml env.json status.json events.jsonl summary.json splits.safetensors MANIFEST.json
  explanation.json, once somebody asked for it
  metrics/seg-000001.parquet ...  metrics/progress.parquet
  checkpoints/<name>/{model,optim,rng}.safetensors MANIFEST.json
  resume/point-<n>/ of the same form; the newest two
```
"""

import datetime
import secrets
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store import checkpoint as checkpoints
from grokscope.store import rewind
from grokscope.store.checkpoint import Checkpoint, CheckpointEntry
from grokscope.store.documents import encode_json, encode_toml, read_json, read_toml, utc_now
from grokscope.store.durable import (
    discard,
    discard_stale,
    disk_errors,
    make_directory,
    replace_file,
    staged_directory,
    sync,
    sync_tree,
    write_bytes,
)
from grokscope.store.environment import describe_environment
from grokscope.store.events import append_events, read_events
from grokscope.store.lock import hold_lock
from grokscope.store.manifest import (
    Manifest,
    checked,
    fingerprint,
    publish,
    read_manifest,
    write_manifest,
)
from grokscope.store.naming import point_last_at, readable_name
from grokscope.store.rewind import EXPLANATION_NAME, SUMMARY_NAME
from grokscope.store.segments import (
    PROGRESS_NAME,
    Array,
    Columns,
    read_tables,
    segment_name,
    segment_names,
    write_table,
)
from grokscope.store.verify import Problem, verify_run

if TYPE_CHECKING:
    import torch

CONFIG_NAME = "config.toml"
STATUS_NAME = "status.json"
SPLITS_NAME = "splits.safetensors"


class RunDirectory:
    """A run: reads are checked against the manifest, writes survive a crash.

    Readers need nothing; a writer holds `locked()` meanwhile. Every writing method raises
    DiskError when the disk is full or refuses to be written, and then leaves the previous content
    valid. Every reading method raises VerificationError when a file is not what was written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"

    @property
    def id(self) -> str:
        """The name of the directory; network `i` of the run has the id `<id>/<i>`."""
        return self.path.name

    @classmethod
    def create(
        cls, root: Path, recipe: str, config: Mapping[str, object], name: str | None = None
    ) -> "RunDirectory":
        """Start a run: its directory appears complete, or not at all.

        Args:
            root: the folder of all runs; created if needed.
            recipe: any text; a readable part of it becomes part of the directory's name.
            config: nested mappings, lists and scalars. TOML has no None: leave those out.
            name: of the directory, instead of one that is made up; `last` is then left alone.

        Raises:
            SettingError: a value that TOML cannot hold.
            DiskError: the disk is full or refuses to be written.
        """
        root = root.absolute()
        now = datetime.datetime.now(datetime.UTC)
        path = root / (name or f"{now:%Y-%m-%d}-{readable_name(recipe)}-{secrets.token_hex(4)}")
        documents = {
            CONFIG_NAME: encode_toml(config),
            "env.json": encode_json(describe_environment()),
            STATUS_NAME: encode_json({"state": "created", "recipe": recipe, "created": utc_now()}),
        }
        make_directory(root)
        discard_stale(root)
        with staged_directory(path) as temporary:
            _fill(temporary, documents)
            temporary.rename(path)
        try:
            with disk_errors(path):
                sync(root)
            if name is None:
                point_last_at(path)
        except (Exception, KeyboardInterrupt):
            discard(path)
            raise
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """An existing run; `runs/last` is followed.

        Raises:
            UsageError: there is no run, or a newer grokscope wrote it.
            VerificationError: its configuration is damaged.
        """
        if not (path / CONFIG_NAME).is_file():
            raise UsageError(f"{path} is not a grokscope run: no {CONFIG_NAME}")
        read_toml(path / CONFIG_NAME)
        return cls(path.resolve())

    @property
    def config(self) -> dict[str, object]:
        """The configuration as it was given to `create`; tuples are lists now."""
        return read_toml(self.path / CONFIG_NAME)

    @property
    def env(self) -> dict[str, object]:
        """Versions, processor, threads and commit at the time of `create`."""
        return read_json(self.path / "env.json")

    @property
    def status(self) -> dict[str, object]:
        """At least `state`, `recipe` and `created` (UTC, ISO 8601)."""
        return read_json(self.path / STATUS_NAME)

    @property
    def summary(self) -> list[dict[str, object]]:
        """One mapping per network; empty until `write_summary` was called."""
        path = self.path / SUMMARY_NAME
        if not path.exists():
            return []
        networks = read_json(path).get("networks")
        if not isinstance(networks, list):
            raise VerificationError(f"{path}: no list of networks")
        return cast("list[dict[str, object]]", networks)

    def checked_summary(self) -> list[dict[str, object]]:
        """The summary, after comparing its checksum.

        Raises:
            VerificationError: it is missing or not what was written.
        """
        manifest = read_manifest(self.path)
        if SUMMARY_NAME not in manifest.files:
            raise VerificationError(f"{self.path}: there is no summary in its manifest")
        checked(self.path, manifest, SUMMARY_NAME)
        return self.summary

    @property
    def explanation(self) -> dict[str, object]:
        """What `write_explanation` stored; empty before that."""
        manifest = read_manifest(self.path)
        if EXPLANATION_NAME not in manifest.files:
            return {}
        return read_json(checked(self.path, manifest, EXPLANATION_NAME))

    @property
    def events(self) -> list[dict[str, object]]:
        """Every event that was appended completely, in order."""
        return read_events(self.path)

    def update_status(self, **fields: object) -> None:
        """Merge fields into the status and note the time under `updated`."""
        status = {**self.status, **fields, "updated": utc_now()}
        replace_file(self.path / STATUS_NAME, encode_json(status))

    def write_summary(self, networks: Sequence[Mapping[str, object]]) -> None:
        """Replace the summary. NaN and infinities are stored as null."""
        data = encode_json({"networks": list(networks)})
        publish(self.path, SUMMARY_NAME, lambda path: write_bytes(path, data))

    def write_explanation(self, document: Mapping[str, object]) -> None:
        """Replace what is known of what the networks learned; NaN becomes null."""
        data = encode_json(document, indent=None)
        publish(self.path, EXPLANATION_NAME, lambda path: write_bytes(path, data))

    def append_events(self, events: Sequence[Mapping[str, object]]) -> None:
        """Append events to the log: all of them or, on failure, none.

        If the process is killed meanwhile, the first few of them may be there.
        """
        append_events(self.path, events)

    def write_splits(self, tensors: Mapping[str, "torch.Tensor"]) -> None:
        """Store the row indices of the splits, or any other tensors fixed for the whole run."""
        publish(self.path, SPLITS_NAME, lambda path: checkpoints.save_tensors(path, tensors))

    def splits(self) -> dict[str, "torch.Tensor"]:
        """What `write_splits` stored; empty before that."""
        manifest = read_manifest(self.path)
        if SPLITS_NAME not in manifest.files:
            return {}
        return checkpoints.load_tensors(checked(self.path, manifest, SPLITS_NAME))

    def add_segment(self, columns: Columns) -> Path:
        """Store the next segment of the curves: one row per network and evaluation step.

        Args:
            columns: equally many values each; `network` and `step` among them. A 2-D array or a
                sequence of sequences becomes a list column.

        Returns:
            The new file.
        """
        number = len(segment_names(read_manifest(self.path).files)) + 1
        return publish(self.path, segment_name(number), lambda path: write_table(path, columns))

    def write_progress(self, columns: Columns) -> None:
        """Replace the progress table: one row per network and kept checkpoint."""
        publish(self.path, PROGRESS_NAME, lambda path: write_table(path, columns))

    def curves(self, names: Sequence[str] | None = None) -> dict[str, Array]:
        """All segments as one table, sorted by network and step.

        Args:
            names: columns to read; all of them where None.

        Returns:
            A column per metric: 1-D, or 2-D (row × entry) padded with NaN for list columns.
            Missing numbers are NaN. Empty if there is no segment.
        """
        return read_tables(self.segments(), names)

    def segments(self) -> list[Path]:
        """The files of the curves, oldest first, each compared with its checksum."""
        manifest = read_manifest(self.path)
        return [checked(self.path, manifest, name) for name in segment_names(manifest.files)]

    def progress(self) -> dict[str, Array]:
        """The progress table in the form of `curves`; empty if there is none."""
        manifest = read_manifest(self.path)
        names = [PROGRESS_NAME] if PROGRESS_NAME in manifest.files else []
        return read_tables([checked(self.path, manifest, name) for name in names])

    def save_checkpoint(
        self,
        name: str,
        groups: Mapping[str, Mapping[str, "torch.Tensor"]],
        facts: Mapping[str, object],
    ) -> Path:
        """Store a checkpoint, all or nothing; one of the same name is replaced.

        Args:
            name: letters, digits, ".", "_" and "-", such as "step-00009400".
            groups: tensors by name, under "model", "optim" and "rng".
            facts: JSON values that come back exactly; `step` (int) and `networks` (list of int)
                are required.

        Returns:
            The checkpoint's folder.
        """
        folder = checkpoints.checkpoint_folder(self.path, name)
        checkpoints.write_checkpoint(folder, groups, facts)
        return folder

    def load_checkpoint(self, name: str, groups: Collection[str] | None = None) -> Checkpoint:
        """Read a checkpoint after comparing every checksum.

        Args:
            name: of the checkpoint.
            groups: those to read and compare, such as "model"; all of them where None.

        Raises:
            UsageError: there is no such checkpoint.
            VerificationError: a file of it is missing, truncated or changed.
        """
        folder = checkpoints.checkpoint_folder(self.path, name)
        if not folder.is_dir():
            parent = self.path / checkpoints.CHECKPOINTS
            names = [entry.name for entry in checkpoints.checkpoint_folders(parent)]
            raise UsageError(
                f"{self.id} has no checkpoint {name!r}; it has {', '.join(names) or 'none'}"
            )
        return checkpoints.load_checkpoint(folder, groups)

    def checkpoints(self) -> list[CheckpointEntry]:
        """The checkpoints by step, from their manifests alone."""
        folders = checkpoints.checkpoint_folders(self.path / checkpoints.CHECKPOINTS)
        entries = [checkpoints.read_entry(folder) for folder in folders]
        return sorted(entries, key=lambda entry: (entry.step, entry.name))

    def save_resume_point(
        self, groups: Mapping[str, Mapping[str, "torch.Tensor"]], facts: Mapping[str, object]
    ) -> None:
        """Store the next resume point; the newest two are kept.

        `facts` as in `save_checkpoint`; the key `mark` is reserved for what exists at this time.
        """
        rewind.save_resume_point(self.path, groups, facts)

    def load_resume_point(self) -> Checkpoint | None:
        """The newest resume point that is sound; a damaged one is skipped with a log message."""
        return rewind.load_resume_point(self.path)

    def rewind(self, point: Checkpoint | None) -> None:
        """Delete every segment, checkpoint, event and leftover that is newer than a resume point.

        The summary and the progress table go too if they were rewritten since. None goes back to
        how the run was created, except that the splits stay.

        Raises:
            VerificationError: something that existed at that point is gone.
        """
        rewind.rewind(self.path, point)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Be the only writer of this run.

        Raises:
            UsageError: another writer is active; the message names its process id.
        """
        with hold_lock(self.path):
            yield

    def verify(self, *, versions: bool = True) -> list[Problem]:
        """Compare every file with the manifests; an empty list means that all is well.

        Args:
            versions: look for the schema version in each table, too; see `verify_run`.
        """
        return verify_run(self.path, versions=versions)


def _fill(folder: Path, documents: Mapping[str, bytes]) -> None:
    """Write a new run's documents and its manifest; the status changes too often to be listed."""
    for name, data in documents.items():
        write_bytes(folder / name, data)
    (folder / "metrics").mkdir()
    listed = [name for name in documents if name != STATUS_NAME]
    write_manifest(folder, Manifest({name: fingerprint(folder / name) for name in listed}))
    sync_tree(folder)
