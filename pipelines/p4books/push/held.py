"""Which records did we hold before an instant?"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from p4books.database import connect
from p4books.endpoint import Endpoint


def held_before(
    warehouse: Path, endpoint: Endpoint, ids: Collection[str], instant: datetime
) -> frozenset[str]:
    """Return which of these ids the warehouse held before an instant, gone ones too.

    Such a record can't be one that was sent at that instant.
    """
    with connect(warehouse, read_only=True) as con:
        found = con.execute(
            f"select id from raw.{endpoint.name} where id in (select unnest(?::varchar[]))"
            " group by id having min(_dlt_valid_from) <= ?",
            [list(ids), instant],
        ).fetchall()
    return frozenset(id_ for (id_,) in found)
