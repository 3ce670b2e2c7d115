"""The floor of a push: bare POST requests.

One POST after another over one connection, with urllib3 or requests; each response is parsed.
No validation, no ledger, no rate limit.
"""

import csv
import json
import sys
from pathlib import Path

import requests
import urllib3


def main(client: str, base_url: str, key: str, file: str) -> None:
    """Create a product for each row of a CSV file."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"{base_url}/products"
    with Path(file).open(newline="") as lines:
        bodies = [
            json.dumps({**row, "price": float(row["price"])}).encode()
            for row in csv.DictReader(lines)
        ]
    if client == "urllib3":
        pool = urllib3.PoolManager(maxsize=1, headers=headers)
        for body in bodies:
            response = pool.request("POST", url, body=body, retries=False)
            _created(response.status, json.loads(response.data))
    else:
        with requests.Session() as session:
            session.headers.update(headers)
            for body in bodies:
                reply = session.post(url, data=body, timeout=30)
                _created(reply.status_code, reply.json())


def _created(status: int, record: dict[str, object]) -> None:
    if status not in {200, 201} or "id" not in record:
        raise SystemExit(f"{status}: {record}")


if __name__ == "__main__":
    main(*sys.argv[1:])
