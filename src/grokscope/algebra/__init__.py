"""Finite groups and the Fourier bases of the functions on them."""
