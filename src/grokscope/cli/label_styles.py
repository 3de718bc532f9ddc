"""Colours of the labels in a terminal."""

LABEL_STYLES = {
    "grokking": "bold green",
    "comprehension": "green",
    "memorization": "cyan",
    "semi_grokking": "magenta",
    "confusion": "yellow",
    "ungrokking": "red",
    "anti_grokking": "red",
    "collapse": "red",
    "diverged": "bold red",
}
