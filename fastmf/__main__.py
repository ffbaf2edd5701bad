"""`python -m fastmf` is the command line."""

import sys

from fastmf.cli import main

if __name__ == "__main__":
    sys.exit(main())
