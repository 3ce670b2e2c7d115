"""dlt sources: versions for our own warehouse, whole lists for other pipelines."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource
from dlt.extract.source import DltSource
from pyarrow import parquet

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.errors import Incomplete
from p4books.extract.client import ApiConnection, Client
from p4books.extract.scan import ListScan
from p4books.extract.spool import Spool
from p4books.load.delta import compare_scan, open_comparison
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

# The hints never vary between runs: dlt keeps them in its stored schema.
_VERSIONS = {
    "disposition": "merge",
    "strategy": "scd2",
    "row_version_column_name": "row_hash",
    "source_filter": "not coalesce(gone, false)",
    "destination_scope": "id in (select id from {staging_table})",
}


def versions_source(files: Mapping[Endpoint, Path]) -> DltSource:
    """Return the source that loads new versions and closes old ones, from a Parquet file each.

    The files contain a delta, never whole lists; their columns are those of `table_columns`.
    """

    @dlt.source(name="p4books", section="p4books")
    def p4books_versions() -> Any:
        return [
            _build_resource(endpoint, partial(_import_file, path), _VERSIONS)
            for endpoint, path in files.items()
        ]

    return p4books_versions()


def _import_file(path: Path) -> Iterator[Any]:
    empty = parquet.read_schema(path).empty_table()  # dlt reads its columns
    count = parquet.read_metadata(path).num_rows
    yield dlt.mark.with_file_import(str(path), "parquet", count, hints=empty)


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
) -> Any:
    """Read complete lists of P4 Books, for a pipeline of your own.

    Each endpoint is a resource and a table that is replaced by all rows as of its scan; apply
    other hints if you want history. Lines and addresses are JSON text in their record. Requests
    count toward the same rate limit as those of `p4books sync` with the same key. Raises ApiError,
    and Incomplete if a list announced more rows than it returned: then nothing is replaced.
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

    def rows(endpoint: Endpoint) -> Iterator[pa.RecordBatch]:
        with tempfile.TemporaryDirectory(prefix="p4books-") as folder:
            yield from _read_whole_list(settings, endpoint, Path(folder))

    return [
        _build_resource(ENDPOINTS[name], partial(rows, ENDPOINTS[name]), "replace")
        for name in settings.endpoints
    ]


def _read_whole_list(
    settings: Settings, endpoint: Endpoint, folder: Path
) -> Iterator[pa.RecordBatch]:
    client = Client(ApiConnection.from_settings(settings))
    spool = Spool(folder / endpoint.name, client.target.list_source(endpoint))
    scan = ListScan(endpoint, client, spool)
    scan.continue_scan()
    outcome = scan.result().outcome
    assert outcome is not None  # noqa: S101 - a scan without a budget ends only at its end
    if not outcome.complete:
        raise Incomplete(endpoint.name, outcome.announced, outcome.seen, held=False)
    with open_comparison(folder / "nothing.duckdb", folder) as con:
        delta = compare_scan(con, endpoint, spool.list_pages(), complete=True, quiet=outcome.quiet)
        if delta.versions:
            yield from con.execute(delta.query).to_arrow_reader(BATCH)


def _build_resource(
    endpoint: Endpoint, read: Callable[[], Iterator[Any]], write: Any
) -> DltResource:
    def rows() -> Iterator[Any]:
        yield from read()

    resource: DltResource = dlt.resource(
        rows,
        name=endpoint.name,
        columns=_column_hints(endpoint),
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
