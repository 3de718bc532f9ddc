"""The command line: typed arguments in, results for people or JSON for scripts out.

Data goes to stdout, everything said to people on the way to stderr. Modules that need torch are
imported when a command first needs them, so that `grokscope --help` is quick.
"""
