"""What lies in the spool?

First only an id and a hash per line, to compare; then, typed, the lines that a delta needs.
"""

from collections.abc import Sequence

import duckdb

from p4books.api.spool import Stored
from p4books.database import text
from p4books.endpoint import Endpoint
from p4books.load import tables, typed


def make_seen(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[Stored]) -> None:
    """Make the table of the ids seen: where last (`place` in the scan), when, and their hash."""
    con.execute(
        f"create or replace table seen_{endpoint.name}"
        " (id varchar, place integer, row_hash varchar, read_at timestamptz)"
    )
    paths = [page.path for page in pages if page.distinct]
    if not paths:
        return
    con.execute(
        f"""
        insert into seen_{endpoint.name}
        select id, max(place), arg_max(row_hash, place), make_timestamptz(max(micros))
        from (
            select
                json ->> '$.id' as id,
                {_place("filename")} as place,
                md5(json::varchar) as row_hash,
                regexp_extract(filename, '(\\d+)\\.ndjson$', 1)::bigint as micros
            from read_ndjson_objects(
                {typed.files(paths)}, filename = true, maximum_object_size = {_largest(pages)})
        )
        group by id
        """
    )


def delta_rows(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[Stored], *kinds: str
) -> str | None:
    """Return the query of `delta_NAME`'s rows of these kinds, typed; None where there are none."""
    wanted = ", ".join(text(kind) for kind in kinds)
    rows = con.execute(
        f"select distinct place from delta_{endpoint.name} where kind in ({wanted})"
    ).fetchall()
    places = {place for (place,) in rows}
    if not places:
        return None
    paths = [page.path for page in pages if page.place in places]
    odd = [page.path for page in pages if page.place in places and page.strange]
    found = f"""
        select distinct unnest(json_keys(json)) as key
        from read_ndjson_objects({typed.files(odd)}, maximum_object_size = {_largest(pages)})
        order by key
    """
    unknown = con.execute(found).fetchall() if odd else []
    strange = [key for (key,) in unknown if key not in endpoint.known]
    own = ", ".join(
        {"row_hash": "delta.row_hash", "gone": "false as gone"}.get(key, f'rows."{key}"')
        for key in tables.columns(endpoint)
    )
    return f"""
        select {own}
        from ({typed.select(endpoint, paths, strange, _largest(pages))}) as rows
        join delta_{endpoint.name} as delta
            on delta.id = rows.id
            and delta.place = {_place(f"rows.{typed.FILE}")}
            and delta.kind in ({wanted})
    """


def _largest(pages: Sequence[Stored]) -> int:
    """Return how many bytes the largest record may have: `read_json` allocates as much."""
    return max([1 << 16, *(page.largest + 2 for page in pages)])


def _place(file: str) -> str:
    """Return the expression of a page's place in the scan, by its file's name."""
    return f"parse_filename({file})[1:6]::integer"
