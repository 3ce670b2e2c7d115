"""Which options do several verbs share?"""

from datetime import date

import click

from p4books.errors import UsageError

tenant = click.option("--tenant", metavar="NAME", help="The tenant, where several are set.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program.")
as_of = click.option("--as-of", metavar="DAY", help="Of the file that `report --as-of DAY` made.")


def day(word: str | None) -> date | None:
    """Read a day as it is written, 2026-10-31. Raises UsageError."""
    if word is None:
        return None
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise UsageError(f"{word} is no day; write it as in 2026-10-31.") from None
