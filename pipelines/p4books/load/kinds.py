"""Of which kind is a field that nobody declared?"""

import duckdb

from p4books.database import name, text
from p4books.endpoint import Endpoint, Kind
from p4books.load import typed


def infer(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, field: str) -> Kind:
    """Return a kind that fits every value of a field in `extra`: text, where no other does.

    An id is text, be it a number today.
    """
    if field.endswith("_id"):
        return Kind.TEXT
    raw = name(field)
    looks = {
        Kind.MEASURE: "json_type(value) in ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE')",
        Kind.DAY: rf"regexp_full_match({raw}, '\s*\d{{4}}-\d\d-\d\d\s*')",
        Kind.INSTANT: rf"regexp_matches({raw}, '^\s*\d{{4}}-\d\d-\d\d[T ]')",
    }
    fits = [(kind, typed.fitted(field, kind)) for kind in looks]
    conditions = [
        f"bool_and({looks[kind]} and {fit.value} is not null and len({fit.misfits}) = 0)"
        for kind, fit in fits
    ]
    path = text(f'$."{field}"')
    row = con.execute(
        f"""
        select {", ".join(conditions)}
        from (
            select extra -> {path} as value, extra ->> {path} as {raw}
            from raw.{endpoint.name}
            where json_exists(extra, {path})
        )
        """
    ).fetchone()
    fitting = [kind for (kind, _), fit in zip(fits, row or (), strict=True) if fit]
    return fitting[0] if fitting else Kind.TEXT
