"""An S3 in a process of its own, that says for each line of its input what was requested so far."""

import json
import logging
import sys
from collections import Counter
from typing import Any

from tests.s3 import run_s3


class Requests(logging.Handler):
    """Counts requests by their methods, as the server logs them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        message = record.getMessage()
        for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
            if f"{method} /" in message:
                self.found[method] += 1
                return


def main() -> None:
    """Serve until the input ends."""
    requests, log = Requests(), logging.getLogger("werkzeug")
    log.setLevel(logging.INFO)
    log.addHandler(requests)
    with run_s3() as server:
        show(server.variables)
        for _ in sys.stdin:
            show(dict(requests.found))


def show(value: Any) -> None:
    """Write a line of JSON."""
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
