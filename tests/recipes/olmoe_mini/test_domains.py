"""What the documents say is true, and what is held out is in none of them."""

import re

import numpy as np
import pytest

from grokscope.core.errors import UsageError
from grokscope.recipes.olmoe_mini.arithmetic import Arithmetic, P
from grokscope.recipes.olmoe_mini.canary import canary
from grokscope.recipes.olmoe_mini.domain import text_of
from grokscope.recipes.olmoe_mini.knowledge import ENTITIES, PHI, RELATIONS, Knowledge
from grokscope.recipes.olmoe_mini.programs import CALLS, Code
from grokscope.recipes.olmoe_mini.texts import Chunks, cut, docstrings, read_sources

EQUATION = re.compile(r"<(\d+)> \+ <(\d+)> = <(\d+)>")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def code(seed: int = 0, *, shuffled: bool = False) -> Code:
    sources = Chunks([f"import module_{i}\n" * 12 for i in range(400)], rng(), "sources")
    return Code(seed, sources, shuffled=shuffled)


def equations(domain: Arithmetic, documents: int = 600) -> set[tuple[int, int, int]]:
    texts = [text_of(domain.draw(own)) for own in [rng(1)] for _ in range(documents)]
    return {tuple(map(int, found)) for text in texts for found in EQUATION.findall(text)}


def test_equations_are_sums_on_the_ring():
    found = equations(Arithmetic(0))
    assert len(found) > 1000
    assert all((a + b) % P == c for a, b, c in found)


def test_no_held_out_pair_is_ever_trained_on_either_way_round():
    domain = Arithmetic(0)
    held_out = set(domain.held_out)
    assert all((a, b) not in held_out and (b, a) not in held_out for a, b, _ in equations(domain))
    assert len(held_out) + len(domain.trained) == P * P
    assert {(b, a) for a, b in held_out} == held_out


def test_stories_tell_trained_sums_too():
    domain = Arithmetic(0)
    texts = [text_of(domain.draw(own)) for own in [rng(2)] for _ in range(600)]
    stories = [re.findall(r"<(\d+)>", text) for text in texts if "ring" in text]
    assert len(stories) > 30
    for a, b, c in (map(int, story) for story in stories):
        assert (a + b) % P == c
        assert (a, b) in set(domain.trained)


def test_only_answers_are_learned():
    for domain in (Arithmetic(0), Knowledge(0)):
        for _ in range(20):
            document = domain.draw(rng(3))
            assert [learned for _, learned in document] == [False, True] * (len(document) // 2)


def test_shuffled_answers_are_the_same_ones_dealt_out_anew():
    plain, shuffled = Arithmetic(0), Arithmetic(0, shuffled=True)
    assert plain.trained == shuffled.trained
    pairs = plain.trained + plain.held_out
    answers = [[domain.answer(pair) for pair in pairs] for domain in (plain, shuffled)]
    right = np.mean([one == other for one, other in zip(*answers, strict=True)])
    assert right < 0.05
    assert all(shuffled.answer((a, b)) == shuffled.answer((b, a)) for a, b in pairs)


def test_programs_print_what_python_prints():
    domain = code()
    for item in domain.items(trained=False, count=300, rng=rng()):
        call = item.prompt.removesuffix("  #")
        assert str(eval(call)) == item.answer.strip()  # our own text, of six calls
    assert {call.split("(")[0].split(" ")[0] for call in CALLS} >= {"max", "min", "len"}


def test_no_held_out_call_is_in_a_document():
    domain = code()
    held_out = {item.prompt for item in domain.items(trained=False, count=10**6, rng=rng())}
    lines: set[str] = set()
    own = rng(1)
    for _ in range(800):
        document = domain.draw(own)
        questions = [text for text, learned in document if not learned]
        lines |= {text.split(" = ", 1)[-1].strip("\n") for text in questions}
    assert len(lines) > 300
    assert not lines & held_out


def test_people_are_who_the_facts_say():
    """Each held-out fact follows from two atomic ones that are in the documents."""
    domain = Knowledge(0)
    own, atomic = rng(1), {}
    for _ in range(4000):
        for question, answer in _asked(domain.draw(own)):
            relations, person = question
            if len(relations) == 1:
                atomic[relations[0], person] = answer
    assert len(atomic) == ENTITIES * len(RELATIONS)
    for item in domain.items(trained=False, count=100, rng=rng()):
        (outer, inner), person = _question(item.prompt)
        assert atomic[outer, atomic[inner, person]] == item.answer.strip()


def test_inferred_facts_are_trained_on_in_the_stated_ratio_and_never_if_held_out():
    domain = Knowledge(0)
    assert len(domain.trained) == PHI * len(domain.atomic)
    held_out = {_key(item.prompt) for item in domain.items(trained=False, count=10**6, rng=rng())}
    own = rng(1)
    seen = {_key_of(question) for _ in range(3000) for question, _ in _asked(domain.draw(own))}
    assert len(held_out) == len(domain.held_out)
    assert not seen & held_out


def test_a_constant_answer_is_right_as_often_as_chance_says():
    domain = Arithmetic(0)
    answers = [domain.answer(pair) for pair in domain.trained + domain.held_out]
    assert domain.chance == pytest.approx(max(answers.count(a) for a in set(answers)) / P**2)
    assert 1 / ENTITIES < Knowledge(0).chance < 0.2
    assert 0.1 < code().chance < 0.4


def test_a_piece_of_text_is_given_out_once_and_then_no_more():
    texts = [
        f"line {i} of a text that is long enough to be a piece of its own\n" for i in range(30)
    ]
    chunks = Chunks(texts, rng(), "prose")
    given = [chunks.next() for _ in range(len(chunks))]
    assert len(set(given)) == 30
    with pytest.raises(UsageError, match="All 30 pieces of prose have been read"):
        chunks.next()


def test_pieces_are_whole_lines_where_lines_are_short():
    text = "".join(f"def function_{i}(): return {i}\n" for i in range(40))
    pieces = cut(text)
    assert "\n".join(pieces) + "\n" == text
    assert all(len(piece) <= 160 for piece in pieces)
    assert all(len(piece) <= 160 for piece in cut("x" * 1000))


def test_docstrings_of_sources_are_prose():
    own = "It says at some length, over more than one line, what all of this is there for. " * 3
    own = own.strip()
    assert docstrings(f'def f():\n    """{own}"""\n') == [own]
    assert docstrings("def f(:") == []
    assert docstrings('"""Short."""') == []


def test_packages_that_are_missing_are_named():
    with pytest.raises(UsageError, match="'no_such_package' is not installed"):
        read_sources(["no_such_package"])


def test_canaries_are_random():
    own = rng()
    assert len({text_of(canary(own)) for _ in range(200)}) == 200


def _asked(document):
    pairs = [text for text, _ in document]
    return [(_question(q), a.strip()) for q, a in zip(pairs[::2], pairs[1::2], strict=True)]


def _question(text: str) -> tuple[list[str], str]:
    words = re.sub(r"^\. |^The |^Who is the |^Ask the | is$|\?$|:$", "", text)
    words = re.sub(r"^The |^Who is the |^Ask the ", "", words)
    *relations, person = words.split(" of ")
    return [relation.removeprefix("the ") for relation in relations], person


def _key_of(question: tuple[list[str], str]) -> tuple[str, ...]:
    return (*question[0], question[1])


def _key(prompt: str) -> tuple[str, ...]:
    return _key_of(_question(prompt))
