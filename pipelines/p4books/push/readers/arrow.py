"""Reader of Parquet files and of query results."""

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from p4books.push.errors import BadFile
from p4books.push.readers.rows import parse_header
from p4books.push.types import SourceRow

BATCH = 2_000  # rows that are in memory at a time
BUFFER = 1 << 20  # bytes of a column that are in memory at a time

Converter = Callable[[Any], Any]

_UNCHANGED = (
    *(types.is_null, types.is_boolean, types.is_integer, types.is_decimal, types.is_date),
    *(types.is_string, types.is_large_string, types.is_string_view, types.is_timestamp),
)
_TEXT_EXTENSIONS = {"arrow.uuid", "arrow.json"}  # extension types that become text
_LISTS = (types.is_list, types.is_large_list, types.is_fixed_size_list)


def read_parquet(file: Path) -> Iterator[SourceRow]:
    """Yield the rows of a Parquet file, without holding them all. Raises BadFile, OSError."""
    with file.open("rb") as stream:
        try:
            parquet = pq.ParquetFile(stream, buffer_size=BUFFER)
            yield from read_batches(file, parquet.schema_arrow, parquet.iter_batches(BATCH))
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            what = f"it is not a Parquet file, or is damaged ({_first_line(error)})"
            raise BadFile(file, what, "Export it again.") from None


def read_batches(name: Path | str, schema: Any, batches: Iterable[Any]) -> Iterator[SourceRow]:
    """Yield the rows of record batches, numbered from 1; `name` is what errors call them.

    A float becomes the shortest decimal that reads as the same float. Raises BadFile for a column
    that is not text, number, boolean, date or timestamp, nor a list or struct of these.
    """
    header = parse_header(name, schema.names, "row")
    converters = [_field_converter(name, field) for field in schema]
    number = 0
    for batch in batches:
        for values in zip(*_convert_columns(name, batch, converters), strict=True):
            number += 1
            if row := header.build_row(number, values):
                yield row


def _field_converter(name: Path | str, field: Any) -> Converter:
    try:
        return _converter(field.type)
    except TypeError as error:
        what = f"the column {field.name} has type {error}, which JSON does not have"
        raise BadFile(name, what, "Convert it to text, or remove the column.") from None


def _convert_columns(
    name: Path | str, batch: Any, converters: Iterable[Converter]
) -> Iterator[list[Any]]:
    """Yield the values of each column.

    Python cannot represent nanoseconds or years after 9999.
    """
    for field, column, convert in zip(batch.schema, batch.columns, converters, strict=True):
        try:
            yield [convert(value) for value in column.to_pylist()]
        except (ValueError, OverflowError) as error:
            what = f"the column {field.name} has a value that cannot be sent ({_first_line(error)})"
            raise BadFile(name, what, "Fix it in the source, or convert it to text.") from None


def _converter(kind: Any) -> Converter:
    """Return how values of a type are converted. Raises TypeError with an unsupported type."""
    if types.is_timestamp(kind) and kind.unit == "ns":
        return _whole_microseconds
    if any(matches(kind) for matches in _UNCHANGED):
        return lambda value: value
    if types.is_floating(kind):
        return _shortest_double if types.is_float64(kind) else _shortest_single
    if types.is_time(kind) or getattr(kind, "extension_name", "") in _TEXT_EXTENSIONS:
        return lambda value: value if value is None else str(value)
    if types.is_dictionary(kind):
        return _converter(kind.value_type)
    return _nested_converter(kind)


def _nested_converter(kind: Any) -> Converter:
    if any(matches(kind) for matches in _LISTS):
        convert = _converter(kind.value_type)
        return lambda value: None if value is None else [convert(item) for item in value]
    if types.is_struct(kind):
        converters = {field.name: _converter(field.type) for field in kind}
        return lambda value: (
            None
            if value is None
            else {name: convert(value[name]) for name, convert in converters.items()}
        )
    raise TypeError(kind)


def _whole_microseconds(value: Any) -> datetime | None:
    """Return a timestamp in nanoseconds, which pyarrow gives to pandas if that is installed."""
    if value is None or type(value) is datetime:
        return value
    if value.nanosecond:
        raise ValueError(f"{value} has nanoseconds")
    return cast(datetime, value.to_pydatetime())


def _shortest_double(value: float | None) -> Decimal | None:
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number")
    return Decimal(repr(value))


def _shortest_single(value: float | None) -> Decimal | None:
    """Return the fewest digits that read as the same 32-bit float."""
    if value is None or not math.isfinite(value):
        return _shortest_double(value)
    for digits in range(6, 9):
        text = format(value, f".{digits}g")
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
            return Decimal(text)
    return Decimal(format(value, ".9g"))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
