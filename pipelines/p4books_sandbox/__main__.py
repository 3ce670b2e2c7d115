"""Entry point of `python -m p4books_sandbox`."""

import sys

from p4books_sandbox.cli import main

sys.exit(main())
