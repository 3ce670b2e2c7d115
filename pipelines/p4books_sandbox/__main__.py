"""What does `python -m p4books_sandbox` do?"""

import sys

from p4books_sandbox.cli import main

sys.exit(main())
