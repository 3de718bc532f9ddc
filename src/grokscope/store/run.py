"""One run on disk.

```
<UTC date>-<recipe>-<id8>/
  config.toml env.json status.json events.jsonl summary.json splits.safetensors MANIFEST.json
  metrics/seg-000001.parquet ...  metrics/progress.parquet
  checkpoints/<name>/{model,optim,rng}.safetensors MANIFEST.json
  resume/point-<n>/ of the same form; the newest two
```
"""

import datetime
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store import checkpoint as checkpoints
from grokscope.store import rewind
from grokscope.store.catalog_names import point_last_at, readable_name
from grokscope.store.checkpoint import Checkpoint, CheckpointEntry
from grokscope.store.documents import encode_json, encode_toml, read_json, read_toml, utc_now
from grokscope.store.durable import (
    make_directory,
    remove_tree,
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
from grokscope.store.rewind import SUMMARY_NAME
from grokscope.store.segments import (
    PROGRESS_NAME,
    read_tables,
    segment_name,
    segment_names,
    write_table,
)
from grokscope.store.verify import Problem, verify_run

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from grokscope.store.segments import Columns
