"""How is a DuckDB database opened?"""

import os
import subprocess
import sys


def test_every_cursor_tells_utc() -> None:
    """An instant without a zone is read the same by every thread, wherever the machine stands."""
    asked = (
        "from p4books.database import connect\n"
        "told = connect().cursor().execute(\"select '2026-03-31 01:00'::timestamptz::varchar\")\n"
        "print(told.fetchone()[0])"
    )

    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "TZ": "America/Panama"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "2026-03-31 01:00:00+00\n"
