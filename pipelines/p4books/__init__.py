"""What does p4books offer to a program?

`p4books_source` is a dlt source for any pipeline; `p4books.sync.sync` brings a tenant's warehouse
up to date, as the command does; `p4books.settings.load` reads the settings.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

__all__ = ["p4books_source"]


def __getattr__(name: str) -> Any:
    """Import dlt only when its source is asked for: it takes a second."""
    if name != "p4books_source":
        raise AttributeError(f"module 'p4books' has no attribute {name!r}")
    from p4books.load.source import p4books_source  # noqa: PLC0415

    return p4books_source
