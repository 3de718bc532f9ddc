"""A form of seconds, and what it trains on."""

from dataclasses import replace

from grokscope.recipes.olmoe_mini.form import CPU, Form

TINY: Form = replace(
    CPU,
    d_vocab=512,
    d_model=16,
    d_mlp=16,
    n_layers=2,
    n_heads=2,
    n_experts=4,
    steps=24,
    batch=16,
    warmup=4,
    probes=4,
    canaries=2,
    items=8,
    first=3,
    ratio=2.0,
    seeds=(0, 1),
    control_seeds=(0,),
    arms=("main", "shuffled-labels"),
)
