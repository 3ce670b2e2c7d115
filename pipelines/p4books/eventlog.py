"""How does what happens reach the standard error?"""

import json
import logging
import sys
from datetime import UTC, datetime

_LOG = logging.getLogger("p4books")


def write_json() -> None:
    """Write what happens from now on as lines of JSON: at, level, from, said."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False


def say(sentence: str) -> None:
    """Say what went wrong, as plain text or in a line of JSON."""
    if _LOG.handlers:
        _LOG.error("%s", sentence)
    else:
        sys.stderr.write(f"{sentence}\n")


def tell(sentence: str) -> None:
    """Tell how things go, as plain text or in a line of JSON."""
    if _LOG.handlers:
        _LOG.info("%s", sentence)
    else:
        sys.stderr.write(f"{sentence}\n")


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Make one line of a record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps(
            {
                "at": at.replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "from": record.name,
                "said": record.getMessage(),
            },
            ensure_ascii=False,
        )
