"""Files of probes: what is read from them, and one clear line for everything that cannot be."""

import pytest

from grokscope.core.errors import SettingError, UsageError
from grokscope.llm.probe_file import has_text, read_probes
from llm.small_checkpoints import WORDS, word_tokenizer, write_lines


def ids(text: str) -> tuple[int, ...]:
    return tuple(WORDS.index(word) for word in text.split())


def test_texts_answers_and_ids_become_probes_in_the_files_order(tmp_path):
    path = write_lines(
        tmp_path / "probes.jsonl",
        {"text": "the cat sat", "domain": "prose", "exposed": [9, 4]},
        "",
        {"prompt": "2 + 3 =", "answer": " 5", "domain": "sums", "role": "test"},
        {"input_ids": [4, 5, 6, 7], "answer": 2, "role": "twin", "exposed": []},
        {"text": "the mat", "exposed": 3, "prompt": None},
    )
    found = read_probes(path, word_tokenizer())
    prose, sum_, twin, late = found.probes.probes
    assert found.truncated == 0
    assert (prose.tokens, prose.domain, prose.role) == (ids("the cat sat"), "prose", "seen")
    assert (prose.exposed, late.exposed, sum_.exposed, twin.exposed) == ((4, 9), (3,), None, ())
    assert (sum_.tokens, sum_.answer, sum_.role) == (ids("2 + 3 = 5"), 4, "test")
    assert (twin.tokens, twin.answer, twin.domain) == ((4, 5, 6, 7), 2, "data")


def test_special_tokens_stand_in_front_and_never_behind(tmp_path):
    path = write_lines(
        tmp_path / "probes.jsonl", {"text": "the cat"}, {"prompt": "2 + 3 =", "answer": " 5"}
    )
    text, sum_ = read_probes(path, word_tokenizer(with_bos=True)).probes.probes
    assert text.tokens == (2, *ids("the cat"))
    assert (sum_.tokens, sum_.answer) == ((2, *ids("2 + 3 = 5")), 5)


def test_what_is_too_long_loses_its_end_and_is_counted(tmp_path):
    path = write_lines(
        tmp_path / "probes.jsonl", {"text": "the cat sat"}, {"input_ids": [4, 5]}, {"text": "0 1 2"}
    )
    found = read_probes(path, word_tokenizer(), max_length=2)
    assert [len(probe.tokens) for probe in found.probes.probes] == [2, 2, 2]
    assert found.truncated == 2


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "probes.jsonl"
    path.write_bytes('\ufeff{"text": "the cat"}\r\n{"text": "the mat"}\r\n'.encode())
    assert len(read_probes(path, word_tokenizer()).probes) == 2


BAD = [
    ("{", "not JSON; each line must be one object."),
    ("[1, 2]", 'not a JSON object, such as {"text": "…"}.'),
    ({"domain": "a"}, "no `text`, no `prompt` with its `answer`, and no `input_ids`."),
    ({"txt": "a b"}, "`txt` is unknown; there are text, prompt, input_ids, answer, domain, "),
    ({"text": ""}, "`text` is empty."),
    ({"text": 5}, "`text` must be text, got 5."),
    ({"text": "the"}, "fewer than two tokens; one of them is to be predicted."),
    ({"text": "  "}, "fewer than two tokens; one of them is to be predicted."),
    ({"text": "the cat", "domain": ""}, "`domain` is empty."),
    ({"text": "the cat", "domain": "a/b"}, "`domain` must be a name without a slash, got 'a/b'."),
    (
        {"text": "the cat", "role": "seem"},
        "`role` must be one of seen, twin, train, test, got 'seem'.",
    ),
    (
        {"text": "the cat", "role": ["seen"]},
        "`role` must be one of seen, twin, train, test, got ['seen",
    ),
    ({"text": "the cat", "exposed": "3"}, '`exposed` must be a step or a list of steps, got "3".'),
    ({"text": "the cat", "exposed": [True]}, "`exposed` must be a step or a list of steps, got [t"),
    ({"text": "the cat", "exposed": -1}, "`exposed` must be a step or a list of steps, got -1."),
    (
        {"text": "the cat", "role": "twin", "exposed": 3},
        "a twin is never part of training: leave `exposed` out.",
    ),
    ({"prompt": "2 + 3 ="}, "`prompt` without `answer`."),
    ({"text": "2 + 3 = 5", "answer": "5"}, "`answer` without `prompt`."),
    (
        {"prompt": "the c", "answer": "at sat"},
        "a token has letters of both `prompt` and `answer`; let the answer begin where a token",
    ),
    ({"prompt": "the cat", "answer": " "}, "a token has letters of both `prompt` and `answer`;"),
    (
        {"text": "the cat", "prompt": "the", "answer": " mat"},
        "`text` is not `prompt` and `answer` together; leave it out.",
    ),
    ({"input_ids": "4 5"}, '`input_ids` must be whole numbers from 0 on, got "4 5".'),
    ({"input_ids": [4, -5]}, "`input_ids` must be whole numbers from 0 on, got [4, -5]."),
    ({"input_ids": [4, 2**31]}, "`input_ids` must be whole numbers from 0 on, got [4, 2147483648]"),
    ({"input_ids": []}, "`input_ids` is empty."),
    ({"input_ids": [4]}, "fewer than two tokens; one of them is to be predicted."),
    ({"input_ids": [4, 5], "text": "the cat"}, "`input_ids` and `text`; one of them is enough."),
    ({"input_ids": [4, 5], "answer": 2}, "`answer` beside `input_ids` must be where it begins, in"),
    ('{"text": "\\ud800 a"}', "`text` has half of a character (a lone surrogate)."),
]


@pytest.mark.parametrize(("line", "complaint"), BAD, ids=[text[:40] for _, text in BAD])
def test_a_bad_line_is_named_with_its_number_and_what_is_wrong(tmp_path, line, complaint):
    path = write_lines(tmp_path / "probes.jsonl", {"text": "the cat"}, "", line)
    with pytest.raises(UsageError) as caught:
        read_probes(path, word_tokenizer())
    assert str(caught.value).startswith(f"{path}, line 3: {complaint}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_not_utf8_or_empty_is_refused(tmp_path):
    path = tmp_path / "probes.jsonl"
    with pytest.raises(UsageError, match=r"probes.jsonl cannot be read: No such file"):
        read_probes(path, None)
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory"):
        read_probes(tmp_path, None)
    path.write_bytes(b'{"text": "the cat"}\n{"text": "\xff"}\n')
    with pytest.raises(UsageError, match=r"line 2: not UTF-8\.$"):
        read_probes(path, word_tokenizer())
    path.write_bytes(b"\n \n")
    with pytest.raises(UsageError, match=r"probes.jsonl has no probe: each line must be"):
        read_probes(path, None)


def test_an_answer_is_never_cut(tmp_path):
    path = write_lines(tmp_path / "probes.jsonl", {"prompt": "2 + 3 =", "answer": " 5"})
    with pytest.raises(UsageError, match=r"line 1: its answer ends at token 5, beyond 4\.$"):
        read_probes(path, word_tokenizer(), max_length=4)
    with pytest.raises(SettingError, match=r"`max_length` must be at least 2, got 1\."):
        read_probes(path, word_tokenizer(), max_length=1)


def test_domains_that_sql_would_take_for_one_are_refused(tmp_path):
    path = write_lines(
        tmp_path / "probes.jsonl",
        {"text": "the cat", "domain": "Sums"},
        {"text": "the mat", "domain": "sums"},
    )
    with pytest.raises(UsageError, match="the domains 'Sums' and 'sums' differ only in case"):
        read_probes(path, word_tokenizer())


def test_a_tokenizer_is_needed_only_for_texts(tmp_path):
    path = write_lines(tmp_path / "ids.jsonl", {"input_ids": [4, 5]})
    assert not has_text(path)
    assert len(read_probes(path, None).probes) == 1
    path = write_lines(tmp_path / "both.jsonl", {"input_ids": [4, 5]}, {"text": '"input_ids" a'})
    assert has_text(path)
    with pytest.raises(UsageError, match=r"line 2: a text, but there is no tokenizer\.$"):
        read_probes(path, None)
