"""How is a row of the ledger changed?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from p4books.push.entry import Entry

Change = tuple[str, tuple[Any, ...]]  # a statement and its values


def update(entry: Entry, also: str, told: Mapping[str, Any]) -> Change:
    """Make the statement that sets columns of a row, and what `also` sets, in SQL."""
    sets = ", ".join(filter(None, [also, *(f"{name} = ?" for name in told)]))
    return f"update record set {sets} where record = ?", (*told.values(), entry.record)


def now() -> str:
    """Return this instant in UTC, as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
