"""The floor: the fastest way from these pages to tables.

Four workers fetch the pages as fast as they come; DuckDB reads them with fixed types, joined to
one array per list, and unnests the lines. No limit, no retries, no checks, no history.
"""

import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import urllib3

PATHS = ("products", "customers", "vendors", "invoices", "purchase-orders", "sales-orders")
LINE = (
    "struct(line_number int, product_id varchar, description varchar, quantity decimal(18, 6),"
    " price decimal(18, 6), discount decimal(18, 6), subtotal decimal(18, 2), tax_code varchar)[]"
)
COLUMNS = {
    "id": "varchar",
    "code": "varchar",
    "name": "varchar",
    "customer_id": "varchar",
    "vendor_id": "varchar",
    "document_date": "date",
    "due_date": "date",
    "currency": "varchar",
    "price": "decimal(18, 6)",
    "subtotal": "decimal(18, 2)",
    "tax_total": "decimal(18, 2)",
    "total": "decimal(18, 2)",
    "balance": "decimal(18, 2)",
    "status": "varchar",
    "date_created": "timestamptz",
    "date_modified": "timestamptz",
    "lines": LINE,
}


def main(base_url: str, key: str) -> None:
    """Fetch and read everything into a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fetch(base_url, key, folder)
        _read(folder)


def _fetch(base_url: str, key: str, folder: Path) -> None:
    pool = urllib3.PoolManager(maxsize=4, headers={"Authorization": f"Bearer {key}"})

    def page(path: str, number: int) -> bytes:
        url = f"{base_url}/{path}?page={number}&page_size=100"
        body = pool.request("GET", url, retries=False).data
        data = body[body.index(b"[") : body.rindex(b"]") + 1]
        (folder / f"{path}-{number}.json").write_bytes(data)
        return body

    wanted = []
    for path in PATHS:
        total = json.loads(page(path, 1))["total"]
        wanted += [(path, number) for number in range(2, -(-total // 100) + 1)]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda each: page(*each), wanted))


def _read(folder: Path) -> None:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    with duckdb.connect(folder / "floor.duckdb", config={"threads": 2}) as con:
        for path in PATHS:
            con.execute(
                f"create table \"{path}\" as from read_json('{folder}/{path}-*.json',"
                f" format = 'array', columns = {{{columns}}})"
            )
            con.execute(
                f'create table "{path}-lines" as'
                f' select id, unnest(lines, recursive := true) from "{path}"'
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
