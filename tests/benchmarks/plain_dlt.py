"""dlt's own rest_api source, written as an experienced user would write it.

Merge on the id, parquet instead of the default text, the pages counted by `total`.
"""

import os
import sys
import tempfile
from typing import Any

os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", DATA_WRITER__DISABLE_COMPRESSION="true")

import dlt
from dlt.sources.rest_api import rest_api_source

PATHS = ("products", "customers", "vendors", "invoices", "purchase-orders", "sales-orders")


def main(base_url: str, key: str) -> None:
    """Load everything into a temporary folder."""
    config: Any = {
        "client": {
            "base_url": f"{base_url}/",
            "auth": {"type": "bearer", "token": key},
            "paginator": {
                "type": "page_number",
                "base_page": 1,
                "total_path": None,
                "stop_after_empty_page": True,
            },
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"params": {"page_size": 100}, "data_selector": "data"},
        },
        "resources": [
            {"name": path.replace("-", "_"), "endpoint": {"path": path}} for path in PATHS
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "plain",
            pipelines_dir=folder,
            destination=dlt.destinations.duckdb(f"{folder}/plain.duckdb"),
            dataset_name="books",
        )
        pipeline.run(rest_api_source(config), loader_file_format="parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
