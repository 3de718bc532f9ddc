"""Errors, seeds and the small shared types that every layer may use."""
