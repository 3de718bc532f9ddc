"""The dictionary has every name that a measurement has, and nothing else."""

import torch

from grokscope.llm.panel_dictionary import DICTIONARY, LAYERED, METRICS, OF_GROUP, SHOWN, WHOLE
from grokscope.llm.tracking import tracked
from llm.loops import monitored
from llm.small_olmoe import olmoe, probes


def names_of(measurement):
    """Last parts of the names: across groups, of groups, by layer."""
    found = {"whole": set(), "group": set(), "layer": set()}
    columns = [*measurement.columns(), *tracked(measurement)]
    for name in columns:
        parts = name.split("/")
        if parts[0] == "moe":
            kind = "whole" if len(parts) == 2 else "layer" if "layers" in parts else "group"
            found[kind].add(parts[-1])
    return found


def test_every_number_is_explained_and_nothing_else(tmp_path):
    monitor = monitored(olmoe(), probes(roles=("seen", "twin", "test")), tmp_path)
    monitor.step(0)
    found = names_of(monitor.step(2))
    assert found["whole"] == set(WHOLE)
    assert found["layer"] == set(LAYERED) <= found["group"]
    assert found["whole"] | found["group"] == set(DICTIONARY) == set(METRICS)
    assert set(SHOWN) <= found["group"]


def test_training_batches_have_no_number_of_their_own(tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    ids = torch.arange(3, 19).view(2, 8)
    with monitor.watch(attention_mask=torch.ones_like(ids)) as batch:
        logits = model(input_ids=ids).logits
    batch.score(logits, ids)
    found = names_of(monitor.step(2))
    assert found["whole"] | found["group"] | found["layer"] <= set(DICTIONARY)


def test_columns_are_named_as_they_are_in_the_table():
    assert METRICS["loss"].name == OF_GROUP + "loss" == "moe/<group>/loss"
    assert METRICS["seconds"].name == "moe/seconds"
