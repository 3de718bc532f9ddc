"""What an examination finds out by trying, on networks of which it is known."""

# ruff: noqa: D102 (what these methods do is what their classes say)

import math
from dataclasses import replace

import pytest
import torch
from benchmarks.explainer.planted import Planted, plant

from explanation.foreign_networks import P, TwoLayers, made
from grokscope.explanation import NetworkSubject, explain
from grokscope.explanation.cyclic_examination import CyclicExamination
from grokscope.explanation.examination import Examination
from grokscope.explanation.form import Form, Terms
from grokscope.explanation.hypothesis import Architecture, recognise
from grokscope.explanation.mechanism import chain
from grokscope.explanation.module_subject import ModuleSubject
from grokscope.explanation.subject import Edit, Subject, Trace
from grokscope.explanation.symmetry import cyclic_symmetry
from grokscope.explanation.thresholds import FROZEN
from grokscope.models import DeepTransformer, OneLayerTransformer, Vocab
from grokscope.tasks import ModularArithmetic

N = 11


def examined(planted: Planted) -> CyclicExamination:
    subject = NetworkSubject(planted.model, planted.params, planted.task.table())
    return CyclicExamination(subject, FROZEN)


def untrained(model: OneLayerTransformer | DeepTransformer) -> CyclicExamination:
    table = ModularArithmetic(operation="add", p=N).table()
    params = model.init(Vocab(d_vocab=N, n_classes=N), [0]) | model.constants([model])
    return CyclicExamination(NetworkSubject(model, params, table), FROZEN)


@pytest.mark.parametrize("rate", [0.0, 0.2, 1.0])
def test_products_are_found_where_attention_makes_them(rate):
    model = OneLayerTransformer(d_model=8, n_heads=2, attention_rate=rate)
    assert untrained(model).has_products == (rate > 0)


@pytest.mark.parametrize("label", ["pizza", "ensemble", "collapsed"])
def test_embeddings_that_are_added_or_stand_side_by_side_are_not_multiplied(label):
    assert not examined(plant(label, seed=0)).has_products


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_rectifier_is_known_by_what_it_does_not_see(activation):
    model = OneLayerTransformer(d_model=8, n_heads=2, activation=activation)
    assert untrained(model).is_rectified == (activation == "relu")


def test_attention_that_is_not_named_fails_a_test():
    module = made(TwoLayers)
    subject = ModuleSubject(
        module,
        ModularArithmetic(operation="add", p=P),
        embeddings="embed.weight",
        pre=("layers.0.pre", "layers.1.pre"),
        inputs=lambda rows: rows + torch.tensor([0, P]),
    )
    found = explain(subject, thresholds=replace(FROZEN, accuracy=0.0))
    missing = {test.name: test for test in found.failed}["attention_makes_flat"]
    assert math.isnan(missing.value)


class Multiplied(Subject):
    """One neuron for each class: its wave of the sum, and a product of two other frequencies."""

    def __init__(self, size: float) -> None:
        self.name, self.layers, self.attention = "multiplied", ("pre",), ()
        self.symmetry = cyclic_symmetry(N)
        self.labels = self.symmetry.products.flatten()
        self.embeddings = torch.zeros(2, N, 1)
        x = torch.arange(N).double().repeat_interleave(N).unsqueeze(1)
        y, classes = x.reshape(N, N).T.reshape(-1, 1), torch.arange(N).double()
        w = 2 * math.pi / N
        own = (w * (x + y - classes)).cos()
        # what is taken away in the read-out again, so that the form errs without it
        self.product = size * (2 * w * x).cos() * (3 * w * y + classes).sin()
        self.pre = (own + self.product).float()

    def run(self, edit: Edit | None = None, *, reads: bool = False) -> Trace:
        pre = edit.pre.get("pre", self.pre) if edit else self.pre
        return Trace(logits=10 * (pre - self.product.float()), pre={"pre": pre} if reads else {})

    def gradients(self, rows, classes):
        return torch.zeros(2, len(rows), 1)  # no logit depends on the embeddings


class Claimed(Examination):
    """Somebody's claim that neurons hold products of frequency 1 with itself."""

    multiplies = True

    def first_form(self) -> Form:
        terms = {1: Terms.SECOND, 2: Terms.FIRST, 3: Terms.FIRST}
        return Form(terms=terms, offsets={})

    def reached(self) -> float:
        return 0.0


@pytest.mark.parametrize(("size", "least"), [(0.0, math.inf), (3.0, 1e-3)])
def test_products_of_two_frequencies_are_let_in_where_they_are_needed(size, least):
    examination = Claimed(Multiplied(size), FROZEN)
    assert examination.accuracy == 1
    assert examination.forms["pre"].least_product == least
    assert examination.mechanism.accuracy == 1


def test_a_layer_is_written_back_in_as_few_numbers_as_will_do():
    examination = examined(plant("clock", seed=0, noise=0.05))
    whole = chain(examination.subject, examination.trace, examination.forms, examination.seen)
    (full,), (thin,) = (each.fitted.values() for each in (whole, examination.chained))
    assert thin.n_parameters < full.n_parameters
    assert examination.mechanism.n_parameters == thin.n_parameters
    assert examination.mechanism.accuracy >= FROZEN.grade_a
    assert examination.mechanism.cross_entropy_rise <= FROZEN.cross_entropy


def test_a_form_that_will_not_do_is_written_back_whole():
    examination = Claimed(
        Multiplied(3.0), replace(FROZEN, bands=replace(FROZEN.bands, products=()))
    )
    whole = chain(examination.subject, examination.trace, examination.forms, examination.seen)
    assert examination.mechanism.accuracy < FROZEN.grade_a
    assert torch.equal(examination.chained.logits, whole.logits)


def test_a_small_ensemble_is_no_mixture_though_it_looks_like_one():
    """A few neurons with independent phases depend on d by chance; other phases do as well."""
    planted = plant("ensemble", seed=2)
    stream = torch.Generator().manual_seed(4)
    kept = torch.rand(planted.params["W_U"].shape[1], generator=stream) < 0.15
    params = dict(planted.params) | {"W_U": planted.params["W_U"] * kept[:, None]}
    examination = examined(replace(planted, params=params))
    limits = Architecture(order=planted.task.p, can_multiply=False)
    looks = [recognise(c, c.main, limits, FROZEN.bands) for c in examination.circles]
    chance = [
        circle.frequency
        for circle, found in zip(examination.circles, looks, strict=True)
        if found is not None and found.name == "mixture"
    ]
    assert chance
    assert {examination.labels[frequency] for frequency in chance} == {"ensemble"}


def test_deep_networks_show_their_last_layer_where_it_is_read_out():
    model = DeepTransformer(n_layers=2, d_model=8, n_heads=2, equals_token=False)
    shapes = {site: pre.shape for site, pre in untrained(model).trace.pre.items()}
    assert shapes == {"pre": (N * N, 2, 32), "pre_1": (N * N, 1, 32)}
