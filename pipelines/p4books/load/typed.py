"""Which values does an answer hold?

SQL that reads the spool's lines into the columns of an endpoint's table: every scalar first as
text, then by `try_cast`. What does not fit its type is never lost: it goes, as it came, to
`misfits`; numbers with more digits than their column holds also to `extra`, with the fields that
nobody knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from p4books.database import name, text
from p4books.endpoint import Endpoint, Fields, Kind

FILE = '"spool file"'  # the column of each row's file; no field has a space in its name

_FINE = "decimal(38, 18)"  # fine enough to see the digits that a money column would round away
_FINER = r"\.\d{18}\d*[1-9]|[eE]-[1-9]\d"  # digits beyond that


def files(paths: Iterable[Path]) -> str:
    """Write paths as a SQL list."""
    return "[" + ", ".join(text(str(path)) for path in paths) + "]"


def select(endpoint: Endpoint, paths: Sequence[Path], unknown: Sequence[str], largest: int) -> str:
    """Return a query of all rows in these files of the spool: typed, each with its file.

    `unknown` are the keys found in them that the endpoint does not know, `largest` the bytes of
    the largest line. Columns: the endpoint's own, its inner lists, extra, misfits, FILE.
    """
    spelled: dict[str, str] = {
        **dict.fromkeys(endpoint.fields, "VARCHAR"),
        **dict.fromkeys([*endpoint.inner, *unknown], "JSON"),
    }
    spelling = ", ".join(f"{text(key)}: '{kind}'" for key, kind in spelled.items())
    typed = ",\n".join(
        f"{_value(name(key), kind)} as {name(key)}" for key, kind in endpoint.fields.items()
    )
    inner = "".join(f",\n{_list(name(key))} as {name(key)}" for key in endpoint.inner)
    return f"""
    select
        {typed}{inner},
        {_extra(endpoint, unknown)} as extra,
        {_misfits(endpoint)} as misfits,
        {FILE}
    from read_json(
        {files(paths)},
        format = 'newline_delimited',
        columns = {{{spelling}}},
        maximum_object_size = {max(largest, 1 << 16)},
        filename = {FILE}
    )"""


@dataclass(frozen=True)
class Fitted:
    """Expressions over one column of raw text (JSON, where the field is a list).

    `value` fits the field's kind; `misfits` is the list of what does not; `whole` is the number
    whose digits the value lacks, which `extra` keeps.
    """

    value: str
    misfits: str
    whole: str = "null"


def fitted(key: str, held: Kind | Fields) -> Fitted:
    """Return how the column of this name fits a kind, or is a list of items with these fields."""
    raw = name(key)
    if not isinstance(held, Kind):
        return Fitted(_list(raw), _inner_misfits(key, held))
    if held is Kind.TEXT:
        return Fitted(raw, "[]")
    found = Fitted(_value(raw, held), _listed({key: (_unfit(raw, held), raw)}))
    if held.decimals is None:
        return found
    return replace(found, whole=f"case when {_rounded(raw, held)} then {raw} end")


def _value(raw: str, kind: Kind) -> str:
    """Return the expression that turns a text into a value of its kind, or into null."""
    if kind is Kind.TEXT:
        return raw
    if kind is Kind.DAY:  # a day with a time is that day, whatever the zone
        day = rf"regexp_extract({raw}, '^\s*(\d{{4}}-\d\d-\d\d)($|[T\s])', 1)"
        return f"try_cast({day} as date)"
    if kind is Kind.INSTANT:
        return rf"case when {raw} similar to '\s*\d.*' then try_cast({raw} as timestamptz) end"
    return f"try_cast(rtrim({raw}, ' ') as {kind.value})"  # untrimmed, '- ' would be 0.00


def _list(raw: str) -> str:
    return f"case when json_type({raw}) = 'ARRAY' then {raw}::varchar end"


def _unfit(raw: str, kind: Kind) -> str:
    """Return the exact condition that a text is there and its column cannot hold all of it."""
    lost = f"{_value(raw, kind)} is null"
    if kind.decimals is not None:
        lost = f"({lost} or {_rounded(raw, kind)})"
    return f"(trim({raw}) <> '' and {lost})"


def _rounded(raw: str, kind: Kind) -> str:
    value = _value(raw, kind)
    finer = f"{value} is not null and regexp_matches({raw}, '{_FINER}')"
    return f"(coalesce(try_cast({raw} as {_FINE}) <> {value}, false) or ({finer}))"


def _doubtful(raw: str, kind: Kind) -> str:
    """Return a quick condition that holds wherever `_unfit` may, at a thirtieth of its cost."""
    if kind.decimals is None:
        return f"({raw} is not null and {_value(raw, kind)} is null)"
    return rf"({raw} is not null and not regexp_full_match({raw}, '{_plain(kind)}'))"


def _plain(kind: Kind) -> str:
    """Return a pattern of numbers that surely fit."""
    return rf"-?\d{{1,11}}(\.\d{{1,{kind.decimals}}})?" if kind.decimals else r"-?\d{1,11}"


def _checked(endpoint: Endpoint) -> dict[str, Kind]:
    return {key: kind for key, kind in endpoint.fields.items() if kind is not Kind.TEXT}


def _extra(endpoint: Endpoint, unknown: Sequence[str]) -> str:
    """Return the JSON text of what no column holds; null where there is nothing."""
    numbers = {key: kind for key, kind in _checked(endpoint).items() if kind.decimals is not None}
    kept = [f"{text(key)}, {name(key)}" for key in unknown]
    kept += [
        f"{text(key)}, case when {_rounded(name(key), kind)} then {name(key)} end"
        for key, kind in numbers.items()
    ]
    some = [f"{name(key)} is not null" for key in unknown]
    some += [_doubtful(name(key), kind) for key, kind in numbers.items()]
    whole = f"json_merge_patch('{{}}', json_object({', '.join(kept)}))::varchar"
    return f"case when {' or '.join(some) or 'false'} then nullif({whole}, '{{}}') end"


def _misfits(endpoint: Endpoint) -> str:
    """Return the JSON text [{field, value}] of what does not fit; null where all fits."""
    checked = _checked(endpoint)
    some = " or ".join(_doubtful(name(key), kind) for key, kind in checked.items())
    top = _listed({key: (_unfit(name(key), kind), name(key)) for key, kind in checked.items()})
    parts = [f"case when {some or 'false'} then {top} else [] end"]
    parts += [_inner_misfits(key, fields) for key, fields in endpoint.inner.items()]
    return f"nullif(to_json({' || '.join(parts)})::varchar, '[]')"


def _inner_misfits(key: str, fields: Fields) -> str:
    """Return the list [{field, value}] of one inner list, fields named like lines[2].price."""
    wrong_type = f"[{{'field': {text(key)}, 'value': {name(key)}::varchar}}]"
    return f"""case
        when json_type({name(key)}) <> 'ARRAY' then {wrong_type}
        when {_doubtful_items(key, fields)} then {_items(key, fields)}
        else []
    end"""


def _doubtful_items(key: str, fields: Fields) -> str:
    """Return a quick condition on a whole list's text, at a hundredth of the cost of `_items`."""
    patterns = [
        rf'"({"|".join(names)})":([^-\d]|-?\d{{12}}|-?[\d.]+[eE]|-?\d+\.\d{{{decimals + 1}}})'
        for decimals, names in _by_decimals(fields).items()
    ]
    return f"regexp_matches({name(key)}::varchar, '{'|'.join(patterns)}')" if patterns else "false"


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
        {f: (_unfit(f"item.{name(f)}", kind), f"item.{name(f)}") for f, kind in numbers.items()},
        before=f"'{key}[' || place || '].'",
    )
    items = f"from_json({name(key)}, '[{{{shape}}}]')"
    return f"flatten(list_transform({items}, lambda item, place: {per_item}))"


def _listed(odd: Mapping[str, tuple[str, str]], before: str = "''") -> str:
    items = ", ".join(
        f"case when {condition} then {{'field': {before} || {text(key)}, 'value': {raw}}} end"
        for key, (condition, raw) in odd.items()
    )
    return f"list_filter([{items}], lambda found: found is not null)"
