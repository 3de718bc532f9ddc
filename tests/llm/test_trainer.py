"""The monitor inside a real `transformers.Trainer`."""

from functools import cache

import pytest
import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from llm.loops import are_equal, batch, dropping, monitored, weights
from llm.small_olmoe import probes

STEPS = 5


class Rows(Dataset):
    """Sequences with their labels."""

    def __len__(self):
        return 64

    def __getitem__(self, index):
        ids = batch(index, rows=1)[0]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}


def fit(folder, model, callbacks=(), resume=None, steps=STEPS, **settings):
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        max_steps=steps,
        per_device_train_batch_size=4,
        learning_rate=0.01,
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        logging_strategy="no",
        save_strategy="steps",
        save_steps=3,
        dataloader_pin_memory=False,
        seed=5,
        **settings,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=Rows(), callbacks=list(callbacks))
    trainer.train(resume_from_checkpoint=resume)


@cache
def alone(folder, **settings):
    """What is trained without a monitor."""
    model = dropping()
    fit(folder, model, **settings)
    return weights(model)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return tmp_path_factory.mktemp("alone")


# transformers 5.24 has a new name for it, and warns of the old one
_FIELDS = TrainingArguments.__dataclass_fields__
_NEW, _OLD = "activation_checkpointing", "gradient_checkpointing"
REPEATED = {_NEW if _NEW in _FIELDS else _OLD: True}
ACCUMULATED = {"gradient_accumulation_steps": 2}
FORMS = {
    "plain": {},
    "checkpointing": REPEATED,
    "accumulation": ACCUMULATED,
    "both": REPEATED | ACCUMULATED,
}


@pytest.mark.parametrize(
    "form",
    [
        *("plain", "both"),
        *(pytest.param(form, marks=pytest.mark.slow) for form in ("checkpointing", "accumulation")),
    ],
)
@pytest.mark.parametrize("own", [probes(), None], ids=["probes", "streaming"])
def test_the_trainer_ends_with_the_same_weights_to_the_bit(own, form, tmp_path, elsewhere):
    model = dropping()
    monitor = monitored(model, own, tmp_path)
    fit(tmp_path, model, [monitor.trainer_callback()], **FORMS[form])
    assert are_equal(weights(model), alone(elsewhere, **FORMS[form]))
    steps = [0, 2, 4] if own else [2, 4]  # no batch has been seen at 0
    assert monitor.run.steps == steps
    assert monitor.run.directory.status["state"] == "finished"
    assert monitor.run.directory.verify() == []
    problems = [e for e in monitor.run.directory.events if e["kind"] == "problem"]
    assert problems == []
    if own is None:
        # all that was trained on since the first step, and each once although it ran twice
        count = 4 * FORMS[form].get("gradient_accumulation_steps", 1) * 2
        assert monitor.run.pathways(4).tokens.tolist() == [8] * count
        assert monitor.measurements[-1].groups["train"].scalars["loss"] > 0


def test_the_random_state_matters_in_these_runs(tmp_path, elsewhere):
    model = dropping()

    class Spender(type(monitored(model, probes(), tmp_path).trainer_callback())):
        def on_step_end(self, *args, **kwargs):
            torch.rand(1)

    fit(tmp_path, model, [Spender(monitored(model, probes(), tmp_path))])
    assert not are_equal(weights(model), alone(elsewhere))


def test_a_resumed_trainer_goes_on_with_its_monitor(tmp_path):
    model = dropping()
    first = monitored(model, probes(), tmp_path, every=1)
    fit(tmp_path, model, [first.trainer_callback()], steps=4)
    assert first.run.steps == [0, 1, 2, 3, 4]
    again = dropping()
    second = monitored(again, probes(), tmp_path, every=1, run=first.run.path)
    checkpoint = str(tmp_path / "trainer" / "checkpoint-3")
    fit(tmp_path, again, [second.trainer_callback()], resume=checkpoint, steps=6)
    assert second.run.steps == [0, 1, 2, 3, 4, 5, 6]
    assert second.run.directory.verify() == []
