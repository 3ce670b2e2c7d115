"""Typed rows from the raw pages in the spool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.extract.record import TEXT_MISFITS
from p4books.extract.spool import StoredPage
from p4books.load.schema import MISFITS, table_columns
from p4books.storage.database import quote_file, quote_identifier, quote_literal

FILE_COLUMN = '"spool file"'  # the column with the file of each row; no field name contains a space

_INSTANT = r"\s*\d{4}-\d\d-\d\d(\s*|[T\s]\d.*)"  # DuckDB takes 12-03-26 for 26 March 12
_FINE = "decimal(38, 18)"  # fine enough to see the digits that a money column would round away
_FINER = r"\.\d{18}\d*[1-9]|[eE]-[1-9]\d"  # digits beyond that


def quote_paths(paths: Iterable[Path]) -> str:
    """Quote paths as a SQL list."""
    return "[" + ", ".join(quote_file(path) for path in paths) + "]"


def select_typed_rows(
    endpoint: Endpoint, paths: Sequence[Path], unknown: Sequence[str], largest: int
) -> str:
    """Return a query of all rows in these spool files: typed, each with its file.

    `unknown` are their keys that the endpoint does not have, `largest` the bytes of the largest
    line. Columns: the endpoint's own, its inner lists, extra, misfits, FILE_COLUMN.
    """
    types: dict[str, str] = {
        **dict.fromkeys(endpoint.fields, "VARCHAR"),
        **dict.fromkeys([*endpoint.inner, *unknown, TEXT_MISFITS], "JSON"),
    }
    columns = ", ".join(f"{quote_literal(key)}: '{kind}'" for key, kind in types.items())
    typed = ",\n".join(
        f"{_cast(quote_identifier(key), kind)} as {quote_identifier(key)}"
        for key, kind in endpoint.fields.items()
    )
    inner = "".join(
        f",\n{_keep_list(quote_identifier(key))} as {quote_identifier(key)}"
        for key in endpoint.inner
    )
    return f"""
    select
        {typed}{inner},
        {_collect_extra(endpoint, unknown)} as extra,
        {_collect_misfits(endpoint)} as misfits,
        {FILE_COLUMN}
    from read_json(
        {quote_paths(paths)},
        format = 'newline_delimited',
        columns = {{{columns}}},
        maximum_object_size = {max(largest, 1 << 16)},
        filename = {FILE_COLUMN},
        hive_partitioning = false
    )"""


@dataclass(frozen=True)
class FittedColumn:
    """Expressions over one column of raw text (JSON if the field is a list).

    `value` has the field's type; `misfits` lists what does not fit it; `whole` is a number with
    more digits than the value, which is kept in `extra`.
    """

    value: str
    misfits: str
    whole: str = "null"


def fit_column(key: str, kind: FieldType | Fields) -> FittedColumn:
    """Return the expressions that fit a column to a type, or to a list of items with fields."""
    raw = quote_identifier(key)
    if not isinstance(kind, FieldType):
        return FittedColumn(_keep_list(raw), _collect_inner_misfits(key, kind))
    if kind is FieldType.TEXT:
        return FittedColumn(raw, "[]")
    column = FittedColumn(_cast(raw, kind), _build_misfits({key: (_does_not_fit(raw, kind), raw)}))
    if kind.decimals is None:
        return column
    return replace(column, whole=f"case when {_is_rounded(raw, kind)} then {raw} end")


def create_seen_table(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage]
) -> None:
    """Create the table of the ids seen: the last page (`place` in the scan), the time, the hash."""
    table = f"create or replace temp table seen_{endpoint.name}"
    paths = [page.path for page in pages if page.distinct]
    if not paths:
        con.execute(f"{table} (id varchar, place integer, row_hash varchar, read_at timestamptz)")
        return
    con.execute(
        f"""
        {table} as
        select id, max(place) as place, arg_max(row_hash, place) as row_hash,
            make_timestamptz(max(micros)) as read_at
        from (
            select
                json ->> '$.id' as id,
                {_page_place("filename")} as place,
                md5(json::varchar) as row_hash,
                regexp_extract(filename, '(\\d+)\\.ndjson$', 1)::bigint as micros
            from read_ndjson_objects(
                {quote_paths(paths)},
                filename = true,
                hive_partitioning = false,
                maximum_object_size = {_largest_record(pages)}
            )
        )
        group by id
        """
    )


def select_delta_rows(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage], *kinds: str
) -> str | None:
    """Return the query of the typed rows of `delta_NAME` of these kinds; None if there are none."""
    wanted = ", ".join(quote_literal(kind) for kind in kinds)
    rows = con.execute(
        f"select distinct place from delta_{endpoint.name} where kind in ({wanted})"
    ).fetchall()
    places = {place for (place,) in rows}
    if not places:
        return None
    paths = [page.path for page in pages if page.position in places]
    odd = [page.path for page in pages if page.position in places and page.has_unknown_fields]
    keys = f"""
        select distinct unnest(json_keys(json)) as key
        from read_ndjson_objects(
            {quote_paths(odd)},
            hive_partitioning = false,
            maximum_object_size = {_largest_record(pages)}
        )
        order by key
    """
    found = con.execute(keys).fetchall() if odd else []
    unknown = [key for (key,) in found if key not in {*endpoint.known, TEXT_MISFITS}]
    own = ", ".join(
        {"row_hash": "delta.row_hash", "gone": "false as gone"}.get(key, f'rows."{key}"')
        for key in table_columns(endpoint)
    )
    return f"""
        select {own}
        from ({select_typed_rows(endpoint, paths, unknown, _largest_record(pages))}) as rows
        join delta_{endpoint.name} as delta
            on delta.id = rows.id
            and delta.place = {_page_place(f"rows.{FILE_COLUMN}")}
            and delta.kind in ({wanted})
    """


def _cast(raw: str, kind: FieldType) -> str:
    """Return the expression that casts a text to its type, or to null."""
    if kind is FieldType.TEXT:
        return raw
    if kind is FieldType.DAY:  # a date with a time is that date, whatever the zone
        day = rf"regexp_extract({raw}, '^\s*(\d{{4}}-\d\d-\d\d)(\s*$|[T\s]\d)', 1)"
        return f"try_cast({day} as date)"
    if kind is FieldType.INSTANT:
        return rf"case when {raw} similar to '{_INSTANT}' then try_cast({raw} as timestamptz) end"
    number = f"try_cast(rtrim({raw}, ' ') as {kind.value})"  # untrimmed, '- ' would be 0.00
    if kind is FieldType.COUNT:  # a hexadecimal number is none
        number = f"case when try_cast({raw} as double) is not null then {number} end"
    return f"case when not contains({raw}, '_') then {number} end"  # as DuckDB writes 1_000


def _keep_list(raw: str) -> str:
    return f"case when json_type({raw}) = 'ARRAY' then {raw}::varchar end"


def _does_not_fit(raw: str, kind: FieldType) -> str:
    """Return the exact condition that a text is not blank and does not fit its column."""
    lost = f"{_cast(raw, kind)} is null"
    if kind.decimals is not None:
        lost = f"({lost} or {_is_rounded(raw, kind)})"
    return f"(trim({raw}) <> '' and {lost})"


def _is_rounded(raw: str, kind: FieldType) -> str:
    value = _cast(raw, kind)
    finer = f"{value} is not null and regexp_matches({raw}, '{_FINER}')"
    return f"(coalesce(try_cast({raw} as {_FINE}) <> {value}, false) or ({finer}))"


def _may_not_fit(raw: str, kind: FieldType) -> str:
    """Return a quick condition, true whenever `_does_not_fit` may be, at 1/30 of its cost."""
    if kind.decimals is None:
        return f"({raw} is not null and {_cast(raw, kind)} is null)"
    return rf"({raw} is not null and not regexp_full_match({raw}, '{_plain_number(kind)}'))"


def _plain_number(kind: FieldType) -> str:
    """Return a pattern of numbers that certainly fit."""
    return rf"-?\d{{1,11}}(\.\d{{1,{kind.decimals}}})?" if kind.decimals else r"-?\d{1,11}"


def _typed_fields(endpoint: Endpoint) -> dict[str, FieldType]:
    return {key: kind for key, kind in endpoint.fields.items() if kind is not FieldType.TEXT}


def _collect_extra(endpoint: Endpoint, unknown: Sequence[str]) -> str:
    """Return the expression of `extra`: JSON text of what has no column, or null."""
    numbers = [
        (key, quote_identifier(key), kind)
        for key, kind in _typed_fields(endpoint).items()
        if kind.decimals is not None
    ]
    kept = [f"{quote_literal(key)}, {quote_identifier(key)}" for key in unknown]
    kept += [
        f"{quote_literal(key)}, case when {_is_rounded(column, kind)} then {column} end"
        for key, column, kind in numbers
    ]
    some = [f"{quote_identifier(key)} is not null" for key in unknown]
    some += [_may_not_fit(quote_identifier(key), kind) for key, column, kind in numbers]
    whole = f"json_merge_patch('{{}}', json_object({', '.join(kept)}))::varchar"
    return f"case when {' or '.join(some) or 'false'} then nullif({whole}, '{{}}') end"


def _collect_misfits(endpoint: Endpoint) -> str:
    """Return the expression of `misfits`: JSON text [{field, value}], or null."""
    checked = _typed_fields(endpoint)
    some = " or ".join(_may_not_fit(quote_identifier(key), kind) for key, kind in checked.items())
    top = _build_misfits(
        {
            key: (_does_not_fit(quote_identifier(key), kind), quote_identifier(key))
            for key, kind in checked.items()
        }
    )
    texts = f"from_json({quote_identifier(TEXT_MISFITS)}, '{MISFITS}')"
    parts = [f"coalesce({texts}, [])", f"case when {some or 'false'} then {top} else [] end"]
    parts += [_collect_inner_misfits(key, fields) for key, fields in endpoint.inner.items()]
    return f"nullif(to_json({' || '.join(parts)})::varchar, '[]')"


def _collect_inner_misfits(key: str, fields: Fields) -> str:
    """Return the misfits of one inner list, with fields named like lines[2].price."""
    wrong_type = f"[{{'field': {quote_literal(key)}, 'value': {quote_identifier(key)}::varchar}}]"
    return f"""case
        when json_type({quote_identifier(key)}) <> 'ARRAY' then {wrong_type}
        when {_items_may_not_fit(key, fields)} then {_item_misfits(key, fields)}
        else []
    end"""


def _items_may_not_fit(key: str, fields: Fields) -> str:
    """Return a quick condition on the text of a list, at 1/100 of the cost of `_item_misfits`."""
    patterns = [
        rf'"({"|".join(names)})":([^-\d]|-?\d{{12}}|-?[\d.]+[eE]|-?\d+\.\d{{{decimals + 1}}})'
        for decimals, names in _group_by_decimals(fields).items()
    ]
    return (
        f"regexp_matches({quote_identifier(key)}::varchar, '{'|'.join(patterns)}')"
        if patterns
        else "false"
    )


def _group_by_decimals(fields: Fields) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for field, kind in fields.items():
        if kind.decimals is not None:
            grouped.setdefault(kind.decimals, []).append(field)
    return grouped


def _item_misfits(key: str, fields: Fields) -> str:
    numbers = {field: kind for field, kind in fields.items() if kind.decimals is not None}
    if not numbers:
        return "[]"
    shape = ", ".join(f'"{field}": "VARCHAR"' for field in numbers)
    per_item = _build_misfits(
        {
            f: (_does_not_fit(f"item.{quote_identifier(f)}", kind), f"item.{quote_identifier(f)}")
            for f, kind in numbers.items()
        },
        before=f"'{key}[' || place || '].'",
    )
    items = f"from_json({quote_identifier(key)}, '[{{{shape}}}]')"
    return f"flatten(list_transform({items}, lambda item, place: {per_item}))"


def _build_misfits(odd: Mapping[str, tuple[str, str]], before: str = "''") -> str:
    items = ", ".join(
        f"case when {condition} then "
        f"{{'field': {before} || {quote_literal(key)}, 'value': {raw}}} end"
        for key, (condition, raw) in odd.items()
    )
    return f"list_filter([{items}], lambda misfit: misfit is not null)"


def _largest_record(pages: Sequence[StoredPage]) -> int:
    """Return the bytes of the largest record; `read_json` allocates as many."""
    return max([1 << 16, *(page.largest + 2 for page in pages)])


def _page_place(file: str) -> str:
    """Return the expression of a page's place in the scan, from its file name."""
    return f"parse_filename({file})[1:6]::integer"
