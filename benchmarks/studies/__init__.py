"""Four studies over thousands of runs: plans, what is drawn from them, and the figures."""
