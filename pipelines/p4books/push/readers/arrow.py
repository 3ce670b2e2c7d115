"""Reader of Parquet files and of query results."""

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from p4books.push.errors import BadFile
from p4books.push.readers.rows import parse_header
from p4books.push.types import SourceRow

BATCH = 2_000  # rows that are in memory at a time
BUFFER = 1 << 20  # bytes of a column that are in memory at a time

Exact = Callable[[Any], Any]

_AS_IT_IS = (
    *(types.is_null, types.is_boolean, types.is_integer, types.is_decimal, types.is_date),
    *(types.is_string, types.is_large_string, types.is_string_view, types.is_timestamp),
)
_ARROW_ERRORS = {"arrow.uuid", "arrow.json"}  # types of others, taken as texts
_LISTS = (types.is_list, types.is_large_list, types.is_fixed_size_list)


def read_parquet(file: Path) -> Iterator[SourceRow]:
    """Give the rows of a Parquet file, without holding them all. Raises BadFile, OSError."""
    with file.open("rb") as stream:
        try:
            found = pq.ParquetFile(stream, buffer_size=BUFFER)
            yield from read_batches(file, found.schema_arrow, found.iter_batches(BATCH))
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            why = str(error).partition("\n")[0].rstrip(".")
            raise BadFile(
                file, f"it is no Parquet file, or a broken one ({why})", "Write it anew."
            ) from None


def read_batches(name: Path | str, schema: Any, batches: Iterable[Any]) -> Iterator[SourceRow]:
    """Give the rows of batches, numbered from 1; `name` is what they are called in an error.

    A float becomes the shortest decimal that it is. Raises BadFile for what is neither text,
    number, flag, day nor instant, nor a list or struct of such.
    """
    head = parse_header(name, schema.names, "row")
    exact = [_field_converter(name, field) for field in schema]
    number = 0
    for batch in batches:
        for values in zip(*_column_values(name, batch, exact), strict=True):
            number += 1
            if row := head.row(number, values):
                yield row


def _column_values(name: Path | str, batch: Any, exact: Iterable[Exact]) -> Iterator[list[Any]]:
    """Give the values of each column. An instant may have nanoseconds, a day a year beyond 9999."""
    for field, column, read in zip(batch.schema, batch.columns, exact, strict=True):
        try:
            yield [read(value) for value in column.to_pylist()]
        except (ValueError, OverflowError) as error:
            why = str(error).partition("\n")[0].rstrip(".")
            what = f"the column {field.name} has a value that can't be taken ({why})"
            raise BadFile(name, what, "Mend it there, or make it a text.") from None


def _field_converter(name: Path | str, field: Any) -> Exact:
    try:
        return _exact(field.type)
    except TypeError as error:
        what = f"the column {field.name} is of the type {error}, which JSON does not have"
        raise BadFile(name, what, "Make it a text there, or leave the column out.") from None


def _exact(kind: Any) -> Exact:
    """Choose how values of a type are taken. Raises TypeError with the type that can't be."""
    if any(fits(kind) for fits in _AS_IT_IS):
        return lambda value: value
    if types.is_floating(kind):
        return _shortest if types.is_float64(kind) else _shortest_single
    if types.is_time(kind) or getattr(kind, "extension_name", "") in _ARROW_ERRORS:
        return lambda value: value if value is None else str(value)
    if types.is_dictionary(kind):
        return _exact(kind.value_type)
    return _nested(kind)


def _nested(kind: Any) -> Exact:
    if any(fits(kind) for fits in _LISTS):
        each = _exact(kind.value_type)
        return lambda value: None if value is None else [each(one) for one in value]
    if types.is_struct(kind):
        fields = {field.name: _exact(field.type) for field in kind}
        return lambda value: (
            None if value is None else {name: read(value[name]) for name, read in fields.items()}
        )
    raise TypeError(kind)


def _shortest(value: float | None) -> Decimal | None:
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return Decimal(repr(value))


def _shortest_single(value: float | None) -> Decimal | None:
    """Find the fewest digits that are the same float of 32 bits."""
    if value is None or not math.isfinite(value):
        return _shortest(value)
    for digits in range(6, 9):
        told = format(value, f".{digits}g")
        if struct.unpack("f", struct.pack("f", float(told)))[0] == value:
            return Decimal(told)
    return Decimal(format(value, ".9g"))
