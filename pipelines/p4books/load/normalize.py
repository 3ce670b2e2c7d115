"""Typed rows from the raw pages in the spool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.extract.spool import StoredPage
from p4books.load.schema import table_columns
from p4books.storage.database import quote_identifier, quote_literal

FILE_COLUMN = '"spool file"'  # the column of each row's file; no field has a space in its name

_FINE = "decimal(38, 18)"  # fine enough to see the digits that a money column would round away
_FINER = r"\.\d{18}\d*[1-9]|[eE]-[1-9]\d"  # digits beyond that


def quote_paths(paths: Iterable[Path]) -> str:
    """Write paths as a SQL list."""
    return "[" + ", ".join(quote_literal(str(path)) for path in paths) + "]"


def select_typed_rows(
    endpoint: Endpoint, paths: Sequence[Path], unknown: Sequence[str], largest: int
) -> str:
    """Return a query of all rows in these files of the spool: typed, each with its file.

    `unknown` are the keys found in them that the endpoint does not know, `largest` the bytes of
    the largest line. Columns: the endpoint's own, its inner lists, extra, misfits, FILE.
    """
    spelled: dict[str, str] = {
        **dict.fromkeys(endpoint.fields, "VARCHAR"),
        **dict.fromkeys([*endpoint.inner, *unknown], "JSON"),
    }
    spelling = ", ".join(f"{quote_literal(key)}: '{kind}'" for key, kind in spelled.items())
    typed = ",\n".join(
        f"{_value(quote_identifier(key), kind)} as {quote_identifier(key)}"
        for key, kind in endpoint.fields.items()
    )
    inner = "".join(
        f",\n{_list(quote_identifier(key))} as {quote_identifier(key)}" for key in endpoint.inner
    )
    return f"""
    select
        {typed}{inner},
        {_extra(endpoint, unknown)} as extra,
        {_misfits(endpoint)} as misfits,
        {FILE_COLUMN}
    from read_json(
        {quote_paths(paths)},
        format = 'newline_delimited',
        columns = {{{spelling}}},
        maximum_object_size = {max(largest, 1 << 16)},
        filename = {FILE_COLUMN}
    )"""


@dataclass(frozen=True)
class FittedColumn:
    """Expressions over one column of raw text (JSON, where the field is a list).

    `value` fits the field's kind; `misfits` is the list of what does not; `whole` is the number
    whose digits the value lacks, which `extra` keeps.
    """

    value: str
    misfits: str
    whole: str = "null"


def fit_column(key: str, held: FieldType | Fields) -> FittedColumn:
    """Return how the column of this name fits a kind, or is a list of items with these fields."""
    raw = quote_identifier(key)
    if not isinstance(held, FieldType):
        return FittedColumn(_list(raw), _inner_misfits(key, held))
    if held is FieldType.TEXT:
        return FittedColumn(raw, "[]")
    found = FittedColumn(_value(raw, held), _listed({key: (_unfit(raw, held), raw)}))
    if held.decimals is None:
        return found
    return replace(found, whole=f"case when {_rounded(raw, held)} then {raw} end")


def _value(raw: str, kind: FieldType) -> str:
    """Return the expression that turns a text into a value of its kind, or into null."""
    if kind is FieldType.TEXT:
        return raw
    if kind is FieldType.DAY:  # a day with a time is that day, whatever the zone
        day = rf"regexp_extract({raw}, '^\s*(\d{{4}}-\d\d-\d\d)($|[T\s])', 1)"
        return f"try_cast({day} as date)"
    if kind is FieldType.INSTANT:
        return rf"case when {raw} similar to '\s*\d.*' then try_cast({raw} as timestamptz) end"
    return f"try_cast(rtrim({raw}, ' ') as {kind.value})"  # untrimmed, '- ' would be 0.00


def _list(raw: str) -> str:
    return f"case when json_type({raw}) = 'ARRAY' then {raw}::varchar end"


def _unfit(raw: str, kind: FieldType) -> str:
    """Return the exact condition that a text is there and its column cannot hold all of it."""
    lost = f"{_value(raw, kind)} is null"
    if kind.decimals is not None:
        lost = f"({lost} or {_rounded(raw, kind)})"
    return f"(trim({raw}) <> '' and {lost})"


def _rounded(raw: str, kind: FieldType) -> str:
    value = _value(raw, kind)
    finer = f"{value} is not null and regexp_matches({raw}, '{_FINER}')"
    return f"(coalesce(try_cast({raw} as {_FINE}) <> {value}, false) or ({finer}))"


def _doubtful(raw: str, kind: FieldType) -> str:
    """Return a quick condition that holds wherever `_unfit` may, at a thirtieth of its cost."""
    if kind.decimals is None:
        return f"({raw} is not null and {_value(raw, kind)} is null)"
    return rf"({raw} is not null and not regexp_full_match({raw}, '{_plain(kind)}'))"


def _plain(kind: FieldType) -> str:
    """Return a pattern of numbers that surely fit."""
    return rf"-?\d{{1,11}}(\.\d{{1,{kind.decimals}}})?" if kind.decimals else r"-?\d{1,11}"


def _checked(endpoint: Endpoint) -> dict[str, FieldType]:
    return {key: kind for key, kind in endpoint.fields.items() if kind is not FieldType.TEXT}


def _extra(endpoint: Endpoint, unknown: Sequence[str]) -> str:
    """Return the JSON text of what no column holds; null where there is nothing."""
    numbers = [
        (key, quote_identifier(key), kind)
        for key, kind in _checked(endpoint).items()
        if kind.decimals is not None
    ]
    kept = [f"{quote_literal(key)}, {quote_identifier(key)}" for key in unknown]
    kept += [
        f"{quote_literal(key)}, case when {_rounded(column, kind)} then {column} end"
        for key, column, kind in numbers
    ]
    some = [f"{quote_identifier(key)} is not null" for key in unknown]
    some += [_doubtful(quote_identifier(key), kind) for key, column, kind in numbers]
    whole = f"json_merge_patch('{{}}', json_object({', '.join(kept)}))::varchar"
    return f"case when {' or '.join(some) or 'false'} then nullif({whole}, '{{}}') end"


def _misfits(endpoint: Endpoint) -> str:
    """Return the JSON text [{field, value}] of what does not fit; null where all fits."""
    checked = _checked(endpoint)
    some = " or ".join(_doubtful(quote_identifier(key), kind) for key, kind in checked.items())
    top = _listed(
        {
            key: (_unfit(quote_identifier(key), kind), quote_identifier(key))
            for key, kind in checked.items()
        }
    )
    parts = [f"case when {some or 'false'} then {top} else [] end"]
    parts += [_inner_misfits(key, fields) for key, fields in endpoint.inner.items()]
    return f"nullif(to_json({' || '.join(parts)})::varchar, '[]')"


def _inner_misfits(key: str, fields: Fields) -> str:
    """Return the list [{field, value}] of one inner list, fields named like lines[2].price."""
    wrong_type = f"[{{'field': {quote_literal(key)}, 'value': {quote_identifier(key)}::varchar}}]"
    return f"""case
        when json_type({quote_identifier(key)}) <> 'ARRAY' then {wrong_type}
        when {_doubtful_items(key, fields)} then {_items(key, fields)}
        else []
    end"""


def _doubtful_items(key: str, fields: Fields) -> str:
    """Return a quick condition on a whole list's text, at a hundredth of the cost of `_items`."""
    patterns = [
        rf'"({"|".join(names)})":([^-\d]|-?\d{{12}}|-?[\d.]+[eE]|-?\d+\.\d{{{decimals + 1}}})'
        for decimals, names in _by_decimals(fields).items()
    ]
    return (
        f"regexp_matches({quote_identifier(key)}::varchar, '{'|'.join(patterns)}')"
        if patterns
        else "false"
    )


def _by_decimals(fields: Fields) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for field, kind in fields.items():
        if kind.decimals is not None:
            grouped.setdefault(kind.decimals, []).append(field)
    return grouped


def _items(key: str, fields: Fields) -> str:
    numbers = {field: kind for field, kind in fields.items() if kind.decimals is not None}
    if not numbers:
        return "[]"
    shape = ", ".join(f'"{field}": "VARCHAR"' for field in numbers)
    per_item = _listed(
        {
            f: (_unfit(f"item.{quote_identifier(f)}", kind), f"item.{quote_identifier(f)}")
            for f, kind in numbers.items()
        },
        before=f"'{key}[' || place || '].'",
    )
    items = f"from_json({quote_identifier(key)}, '[{{{shape}}}]')"
    return f"flatten(list_transform({items}, lambda item, place: {per_item}))"


def _listed(odd: Mapping[str, tuple[str, str]], before: str = "''") -> str:
    items = ", ".join(
        f"case when {condition} then "
        f"{{'field': {before} || {quote_literal(key)}, 'value': {raw}}} end"
        for key, (condition, raw) in odd.items()
    )
    return f"list_filter([{items}], lambda found: found is not null)"


def create_seen_table(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage]
) -> None:
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
                {_page_place("filename")} as place,
                md5(json::varchar) as row_hash,
                regexp_extract(filename, '(\\d+)\\.ndjson$', 1)::bigint as micros
            from read_ndjson_objects(
                {quote_paths(paths)},
                filename = true,
                maximum_object_size = {_largest_record(pages)}
            )
        )
        group by id
        """
    )


def select_delta_rows(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage], *kinds: str
) -> str | None:
    """Return the query of `delta_NAME`'s rows of these kinds, typed; None where there are none."""
    wanted = ", ".join(quote_literal(kind) for kind in kinds)
    rows = con.execute(
        f"select distinct place from delta_{endpoint.name} where kind in ({wanted})"
    ).fetchall()
    places = {place for (place,) in rows}
    if not places:
        return None
    paths = [page.path for page in pages if page.position in places]
    odd = [page.path for page in pages if page.position in places and page.has_unknown_fields]
    found = f"""
        select distinct unnest(json_keys(json)) as key
        from read_ndjson_objects({quote_paths(odd)}, maximum_object_size = {_largest_record(pages)})
        order by key
    """
    unknown = con.execute(found).fetchall() if odd else []
    strange = [key for (key,) in unknown if key not in endpoint.known]
    own = ", ".join(
        {"row_hash": "delta.row_hash", "gone": "false as gone"}.get(key, f'rows."{key}"')
        for key in table_columns(endpoint)
    )
    return f"""
        select {own}
        from ({select_typed_rows(endpoint, paths, strange, _largest_record(pages))}) as rows
        join delta_{endpoint.name} as delta
            on delta.id = rows.id
            and delta.place = {_page_place(f"rows.{FILE_COLUMN}")}
            and delta.kind in ({wanted})
    """


def _largest_record(pages: Sequence[StoredPage]) -> int:
    """Return how many bytes the largest record may have: `read_json` allocates as much."""
    return max([1 << 16, *(page.largest + 2 for page in pages)])


def _page_place(file: str) -> str:
    """Return the expression of a page's place in the scan, by its file's name."""
    return f"parse_filename({file})[1:6]::integer"
