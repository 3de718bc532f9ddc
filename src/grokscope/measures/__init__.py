"""Pure functions from weights, activations and curves to numbers, one number per network."""
