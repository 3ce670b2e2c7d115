"""dlt sources: versions for our own warehouse, whole lists for other pipelines."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource
from dlt.extract.source import DltSource

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.meanings import describe_field
from p4books.errors import Incomplete
from p4books.extract.client import ApiConnection, Client
from p4books.extract.scan import ListScan
from p4books.extract.spool import Spool
from p4books.load.delta import Delta, compare_scan, open_copy
from p4books.load.schema import BATCH, table_columns
from p4books.settings import Settings, validate_settings

_HINTS: dict[str, dict[str, Any]] = {
    FieldType.TEXT.value: {"data_type": "text"},
    FieldType.MONEY.value: {"data_type": "decimal", "precision": 18, "scale": 2},
    FieldType.MEASURE.value: {"data_type": "decimal", "precision": 18, "scale": 6},
    FieldType.COUNT.value: {"data_type": "bigint"},
    FieldType.DAY.value: {"data_type": "date"},
    FieldType.INSTANT.value: {"data_type": "timestamp", "timezone": True},
    "boolean": {"data_type": "bool"},
}

# The hints of dlt's scd2, as it makes them itself, but for a `row_hash` that is nullable, because
# DuckDB writes no other columns to Parquet. A table that rows are appended to has them, too: only
# the write disposition varies between runs.
_VERSIONS: Any = {
    "x-merge-strategy": "scd2",
    "x-merge-source-filter": "not coalesce(gone, false)",
    "x-merge-destination-scope": "id in (select id from {staging_table})",
}
_VALIDITY: dict[str, dict[str, Any]] = {
    "row_hash": {"x-row-version": True, "unique": False, "row_key": False},
    "_dlt_valid_from": {"data_type": "timestamp", "x-valid-from": True},
    "_dlt_valid_to": {
        "data_type": "timestamp",
        "x-valid-to": True,
        "x-active-record-timestamp": None,
    },
}

# For other pipelines, which read whole lists: what a list no longer has is closed.
_HISTORY = {
    "disposition": "merge",
    "strategy": "scd2",
    "row_version_column_name": "row_hash",
}
_REQUIRED = frozenset({"id", "row_hash"})
_OWN_MEANINGS = {
    "extra": "JSON text: the fields that have no column, and numbers with too many digits for it",
    "misfits": "JSON text: the values that do not fit the type of their column, by field",
    "row_hash": "Hash of the whole record as P4 Books returned it",
    "gone": "Always false: a list has only rows that P4 Books has",
}


def versions_source(files: Sequence[tuple[Delta, Path]]) -> DltSource:
    """Return the source that loads the versions of deltas, from a Parquet file each.

    One resource per endpoint: if its delta closes versions it is merged by scd2, else appended. The
    files contain a delta, never whole lists; their columns are those of `select_versions`.
    """

    @dlt.source(name="p4books", section="p4books")
    def p4books_versions() -> Any:
        return [_build_versions_resource(delta, path) for delta, path in files]

    return p4books_versions()


def _build_versions_resource(delta: Delta, path: Path) -> DltResource:
    columns = _column_hints(delta.endpoint)
    for name, hints in _VALIDITY.items():
        columns[name] = {"name": name, "nullable": True, **columns.get(name, {}), **hints}
    read = partial(_import_file, path, delta.versions)
    resource = _build_resource(delta.endpoint, read, columns, "merge" if delta.closes else "append")
    resource.apply_hints(additional_table_hints=_VERSIONS)
    return resource


def _import_file(path: Path, count: int) -> Iterator[Any]:
    yield dlt.mark.with_file_import(str(path), "parquet", count)


@dlt.source(name="p4books", section="p4books")
def p4books_source(  # noqa: PLR0913 - dlt injects its configuration by parameter
    tenant: str = dlt.config.value,
    api_key: str = dlt.secrets.value,
    base_url: str = "https://{tenant}.p4books.com/api/v1",
    endpoints: Sequence[str] = tuple(ENDPOINTS),
    requests_per_window: int = 90,
    window_seconds: float = 60,
    page_size: int = 100,
    page_param: str = "page",
    page_size_param: str = "page_size",
    history: bool = False,
) -> Any:
    """Read complete lists of P4 Books, for a pipeline of your own.

    Each endpoint is a resource with the primary key `id`, and a table that is replaced by all rows
    as of its scan. With `history` it has every version instead, by dlt's `scd2`: an unchanged row
    gets no new version, and a row that P4 Books no longer has is closed. The same hint for a single
    resource must name the column with the hash, because dlt adds none of its own to Arrow tables:
    `{"disposition": "merge", "strategy": "scd2", "row_version_column_name": "row_hash"}`. Lines and
    addresses are JSON text in their record; the description of the column lists what they contain.
    Requests count toward the same rate limit as those of `p4books sync` with the same key. Raises
    ApiError, and Incomplete if a list announced more rows than it returned: then nothing is
    replaced.
    """
    settings = validate_settings(
        {
            "tenant": tenant,
            "api_key": api_key,
            "base_url": base_url,
            "endpoints": tuple(endpoints),
            "requests_per_window": requests_per_window,
            "window_seconds": window_seconds,
            "page_size": page_size,
            "page_param": page_param,
            "page_size_param": page_size_param,
        }
    )

    def rows(endpoint: Endpoint) -> Iterator[pa.Table]:
        with tempfile.TemporaryDirectory(prefix="p4books-") as folder:
            yield from _read_whole_list(settings, endpoint, Path(folder))

    return [
        _build_list_resource(ENDPOINTS[name], partial(rows, ENDPOINTS[name]), history=history)
        for name in settings.endpoints
    ]


def _read_whole_list(settings: Settings, endpoint: Endpoint, folder: Path) -> Iterator[pa.Table]:
    client = Client(ApiConnection.from_settings(settings))
    spool = Spool(folder / endpoint.name, client.target.list_source(endpoint))
    scan = ListScan(endpoint, client, spool)
    scan.continue_scan()
    outcome = scan.result().outcome
    assert outcome is not None  # noqa: S101 - a scan without a budget ends only at its end
    if not outcome.complete:
        raise Incomplete(endpoint.name, outcome.announced, outcome.seen, held=False)
    with open_copy(folder / "nothing.duckdb", folder / "copy.duckdb") as con:
        delta = compare_scan(con, endpoint, spool.list_pages(), complete=True, quiet=outcome.quiet)
        reader = con.execute(delta.query).to_arrow_reader(BATCH)
        schema = _require_columns(reader.schema)
        if not delta.versions:  # without any table dlt would keep the last rows of the list
            yield schema.empty_table()
        for batch in reader:
            yield pa.Table.from_arrays(batch.columns, schema=schema)


def _require_columns(schema: pa.Schema) -> pa.Schema:
    return pa.schema([column.with_nullable(column.name not in _REQUIRED) for column in schema])


def _build_list_resource(
    endpoint: Endpoint, read: Callable[[], Iterator[Any]], *, history: bool
) -> DltResource:
    """Build the resource of a whole list, with all that a reader of the schema wants to know."""
    columns = _column_hints(endpoint)
    for name, hint in columns.items():
        hint["nullable"] = name not in _REQUIRED
        if description := _describe_column(endpoint, name):
            hint["description"] = description
    resource = _build_resource(endpoint, read, columns, _HISTORY if history else "replace")
    about = f"One row per record of /{endpoint.path} in P4 Books, as of the last scan of the list"
    resource.apply_hints(primary_key="id", additional_table_hints={"description": about})
    return resource


def _describe_column(endpoint: Endpoint, name: str) -> str | None:
    meaning = _OWN_MEANINGS.get(name) or describe_field(endpoint.name, name)
    if name not in endpoint.inner:
        return meaning
    items = ", ".join(f"{field} ({kind.value})" for field, kind in endpoint.inner[name].items())
    return f"{meaning or name}, as JSON text: a list of objects with {items}"


def _build_resource(
    endpoint: Endpoint, read: Callable[[], Iterator[Any]], columns: Any, write: Any
) -> DltResource:
    def rows() -> Iterator[Any]:
        yield from read()

    resource: DltResource = dlt.resource(
        rows,
        name=endpoint.name,
        columns=columns,
        write_disposition=write,
        file_format="parquet",
    )
    return resource


def _column_hints(endpoint: Endpoint) -> Any:
    """Return hints of every column, each a dict of its own: dlt merges columns that share one."""
    return {
        name: {"name": name, "nullable": True, **_HINTS[kind]}
        for name, kind in table_columns(endpoint).items()
    }
