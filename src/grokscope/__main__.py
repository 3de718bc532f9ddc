"""`python -m grokscope` is the command `grokscope`."""

import sys

from grokscope.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
