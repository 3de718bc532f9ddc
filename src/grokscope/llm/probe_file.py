"""Probes from a file of JSON lines, one sample a line.

    {"text": "2 + 2 = 4", "domain": "sums", "exposed": [500]}
    {"prompt": "2 + 3 = ", "answer": "5", "domain": "sums", "role": "test"}
    {"input_ids": [17, 4, 17, 9], "domain": "sums", "role": "twin"}

`domain` is `data` unless given, `role` is `seen`, and `exposed` is the step, or the steps, whose
updates the sample was part of: left out where nobody knows, empty where it never is. What is null
counts as left out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokscope.core.errors import SettingError, UsageError
from grokscope.llm.probe import ROLES, Probe, ProbeSet

MAX_LENGTH = 1_024
"""Tokens of a probe unless somebody says otherwise."""

Line = Mapping[str, Any]
_FORMS = ("text", "prompt", "input_ids")
_KEYS = (*_FORMS, "answer", "domain", "role", "exposed")
_LARGEST_TOKEN = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class ProbeFile:
    """What a file of probes holds.

    Attributes:
        probes: in the file's order.
        truncated: how many were longer than they may be, and lost their end.
    """

    probes: ProbeSet
    truncated: int


class _BadLineError(Exception):
    """What is wrong with a line, to be said with its place."""


def read_probes(path: Path, tokenizer: Any, max_length: int = MAX_LENGTH) -> ProbeFile:  # noqa: ANN401
    """The probes of a file.

    Texts get the special tokens that the tokenizer puts in front, and none behind. An answer is
    told from its prompt by tokens, so no token may have letters of both.

    Args:
        path: of the file.
        tokenizer: of transformers; None where all lines have `input_ids`.
        max_length: tokens of a probe; what is longer loses its end.

    Raises:
        UsageError: the file cannot be read, a line is not a probe, or there is none; with the
            number of the first such line.
        SettingError: `max_length` is below 2.
    """
    if max_length < 2:
        raise SettingError("max_length", "at least 2", max_length)
    found: list[Probe] = []
    truncated = 0
    for number, data in enumerate(_bytes_of(path).split(b"\n"), start=1):
        if not data.strip():
            continue
        try:
            probe, is_cut = _probe(_object(data, is_first=number == 1), tokenizer, max_length)
        except (_BadLineError, SettingError) as error:
            raise UsageError(f"{path}, line {number}: {error}") from error
        found.append(probe)
        truncated += is_cut
    if not found:
        raise UsageError(f"{path} has no probe: each line must be a JSON object with a `text`.")
    _require_distinct_domains(path, found)
    return ProbeFile(probes=ProbeSet(tuple(found)), truncated=truncated)


def has_text(path: Path) -> bool:
    """Whether a tokenizer is needed: some line has something else than token ids.

    Raises:
        UsageError: the file cannot be read.
    """
    lines = (data for data in _bytes_of(path).split(b"\n") if data.strip())
    return any(b'"input_ids"' not in data for data in lines)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _object(data: bytes, *, is_first: bool) -> Line:
    try:
        text = data.decode("utf-8-sig" if is_first else "utf-8")
        line = json.loads(text)
    except UnicodeDecodeError as error:
        raise _BadLineError("not UTF-8.") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise _BadLineError("not JSON; each line must be one object.") from error
    if not isinstance(line, dict):
        raise _BadLineError('not a JSON object, such as {"text": "…"}.')
    unknown = [key for key in line if key not in _KEYS]
    if unknown:
        raise _BadLineError(f"`{unknown[0]}` is unknown; there are {', '.join(_KEYS)}.")
    return {key: value for key, value in line.items() if value is not None}


def _probe(line: Line, tokenizer: Any, max_length: int) -> tuple[Probe, bool]:  # noqa: ANN401
    tokens, answer = _given(line) if "input_ids" in line else _tokenized(line, tokenizer)
    if len(tokens) < 2:
        raise _BadLineError("fewer than two tokens; one of them is to be predicted.")
    is_cut = len(tokens) > max_length
    if is_cut and answer is not None:
        raise _BadLineError(f"its answer ends at token {len(tokens):,}, beyond {max_length:,}.")
    role = line.get("role", "seen")
    if role not in ROLES:
        raise _BadLineError(f"`role` must be one of {', '.join(ROLES)}, got {role!r}.")
    probe = Probe(
        domain=_text(line, "domain", "data"),
        tokens=tuple(tokens[:max_length]),
        role=role,
        answer=answer,
        exposed=_exposed(line, role),
    )
    return probe, is_cut


def _given(line: Line) -> tuple[list[int], int | None]:
    """Token ids as they are; an answer is then the place of its first token."""
    tokens = line["input_ids"]
    both = [key for key in ("text", "prompt") if key in line]
    if both:
        raise _BadLineError(f"`input_ids` and `{both[0]}`; one of them is enough.")
    if not isinstance(tokens, list) or not all(_is_whole(token) for token in tokens):
        raise _BadLineError(f"`input_ids` must be whole numbers from 0 on, got {_short(tokens)}.")
    if not tokens:
        raise _BadLineError("`input_ids` is empty.")
    answer = line.get("answer")
    if answer is not None and not (_is_whole(answer) and 0 < answer < len(tokens)):
        last = len(tokens) - 1
        raise _BadLineError(
            f"`answer` beside `input_ids` must be where it begins, in 1 … {last}, got "
            f"{_short(answer)}."
        )
    return tokens, answer


def _tokenized(line: Line, tokenizer: Any) -> tuple[list[int], int | None]:  # noqa: ANN401
    if "prompt" not in line and "answer" not in line and "text" not in line:
        raise _BadLineError("no `text`, no `prompt` with its `answer`, and no `input_ids`.")
    if ("prompt" in line) != ("answer" in line):
        given, missing = ("prompt", "answer") if "prompt" in line else ("answer", "prompt")
        raise _BadLineError(f"`{given}` without `{missing}`.")
    if tokenizer is None:
        raise _BadLineError("a text, but there is no tokenizer.")
    if "prompt" not in line:
        return _tokens(tokenizer, _text(line, "text")), None
    prompt, answer = _text(line, "prompt"), _text(line, "answer")
    if line.get("text", prompt + answer) != prompt + answer:
        raise _BadLineError("`text` is not `prompt` and `answer` together; leave it out.")
    before, whole = _tokens(tokenizer, prompt), _tokens(tokenizer, prompt + answer)
    if not before or whole[: len(before)] != before or len(whole) == len(before):
        raise _BadLineError(
            "a token has letters of both `prompt` and `answer`; let the answer begin where a token "
            "does, with its space."
        )
    return whole, len(before)


def _tokens(tokenizer: Callable[..., Any], text: str) -> list[int]:
    """Token ids with the special ones in front, without those behind."""
    plain: list[int] = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    full: list[int] = list(tokenizer(text)["input_ids"])
    for start in range(len(full) - len(plain) + 1):
        if full[start : start + len(plain)] == plain:
            return full[: start + len(plain)]
    return full


def _text(line: Line, key: str, default: str | None = None) -> str:
    value = line.get(key, default)
    if not isinstance(value, str):
        raise _BadLineError(f"`{key}` must be text, got {_short(value)}.")
    if not value:
        raise _BadLineError(f"`{key}` is empty.")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _BadLineError(f"`{key}` has half of a character (a lone surrogate).")
    return value


def _exposed(line: Line, role: str) -> tuple[int, ...] | None:
    if "exposed" not in line:
        return None
    value = line["exposed"]
    steps = value if isinstance(value, list) else [value]
    if not all(_is_whole(step) for step in steps):
        raise _BadLineError(f"`exposed` must be a step or a list of steps, got {_short(value)}.")
    if steps and role != "seen":
        raise _BadLineError(f"a {role} is never part of training: leave `exposed` out.")
    return tuple(sorted(steps))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_TOKEN


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _require_distinct_domains(path: Path, probes: list[Probe]) -> None:
    """Columns are named after domains, and SQL does not tell cases apart."""
    known: dict[str, str] = {}
    for probe in probes:
        other = known.setdefault(probe.domain.casefold(), probe.domain)
        if other != probe.domain:
            raise UsageError(
                f"{path}: the domains {other!r} and {probe.domain!r} differ only in case."
            )
