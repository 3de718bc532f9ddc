"""What a network learned: hypotheses, causal tests, a verdict."""
