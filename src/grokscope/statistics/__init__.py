"""Statistics over runs: shares with exact intervals."""

from grokscope.statistics.share import Share, share_of

__all__ = ["Share", "share_of"]
