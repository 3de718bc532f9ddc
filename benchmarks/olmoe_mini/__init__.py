"""The study olmoe-mini: its rows, tables, page and figures."""
