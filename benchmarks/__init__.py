"""How long a training step takes, beside its bare matrix products and beside the textbook code."""
