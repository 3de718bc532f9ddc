"""grokscope: an instrument for grokking."""

__version__ = "0.1.0"
