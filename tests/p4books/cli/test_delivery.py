"""Files that `sync` and `report` leave where the setting `deliver` wants them."""

import csv
import json
from pathlib import Path

import pytest
from openpyxl import load_workbook
from tests.command import Run

from p4books.settings import ENV_PREFIX
from p4books_sandbox import Sandbox

DELIVER = f"{ENV_PREFIX}DELIVER"


def test_every_kind(run_shop: Run, tmp_path: Path) -> None:
    """A report delivers each kind of file, in the language wanted, and each only once."""
    kinds = ["workbook", "page", "statements", "parquet", "excel-csv"]
    chosen = {"parquet": ["ar_aging"], "excel-csv": ["staging.vendors", "data_quality"]}
    deliver = json.dumps(
        [
            {"kind": kind, "to": str(tmp_path), "lang": "es", "models": chosen.get(kind, [])}
            for kind in kinds
        ]
    )

    done = run_shop("report", **{DELIVER: deliver})

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "shop.html",
        "shop.reporting.ar_aging.parquet",
        "shop.reporting.data_quality.csv",
        "shop.staging.vendors.csv",
        "shop.statements",
        "shop.xlsx",
    ]
    load_workbook(tmp_path / "shop.xlsx", read_only=True).close()
    assert '<html lang="es"' in (tmp_path / "shop.html").read_text()
    with (tmp_path / "shop.reporting.data_quality.csv").open(encoding="utf-8-sig") as file:
        assert next(csv.reader(file))[:2] == ["Hallazgo", "Gravedad"]
    with (tmp_path / "shop.statements" / "manifest.csv").open(encoding="utf-8-sig") as file:
        listed = {row["file"] for row in csv.DictReader(file)}
    assert {path.name for path in (tmp_path / "shop.statements").iterdir()} == {
        *listed,
        "manifest.csv",
    }
    assert listed
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    assert run_shop("report", **{DELIVER: deliver}).returncode == 0
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before


@pytest.mark.usefixtures("synced")
def test_failing_delivery(p4books: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """A delivery that fails does not fail the sync: it is published, and the run ends with 1 and a
    sentence; the next run makes up for it, although nothing changed."""
    share = tmp_path / "share"
    deliver = json.dumps([{"kind": "csv", "to": str(share), "models": ["staging.vendors"]}])
    sandbox.books["vendors"].insert({"code": "NEW"})

    failed = p4books("sync", "--log", "json", deliver=deliver)

    line = json.loads(failed.stdout)
    assert (failed.returncode, line["published"], line["delivered"]) == (1, True, [])
    assert [fault["kind"] for fault in line["faults"]] == ["NotDelivered"]
    said = json.loads(failed.stderr.splitlines()[-1])["said"]
    assert said.startswith(f"Delivery of csv to {share} failed: {share}: No such file or directory")
    (last,) = json.loads(p4books("runs", "--last", "1", "--json").stdout)
    assert (last["outcome"], last["messages"]) == ("NotDelivered", [said])
    share.mkdir()
    done = p4books("sync", "--json", deliver=deliver)
    file = share / "shop.staging.vendors.csv"
    assert (done.returncode, json.loads(done.stdout)["delivered"]) == (0, [str(file)])
    assert "NEW" in file.read_text()
    assert json.loads(p4books("sync", "--json", deliver=deliver).stdout)["delivered"] == []


def test_wrong_setting(run_shop: Run, tmp_path: Path) -> None:
    """A wrong setting stops a command before it does anything."""
    done = run_shop("report", **{DELIVER: '[{"kind": "fax", "to": "/a"}]'})

    assert done.returncode == 2
    assert done.stderr.startswith("The setting deliver is invalid: entry 1: Unknown kind 'fax'.")
    assert done.stderr.endswith("Correct SOURCES__P4BOOKS__DELIVER in the environment.\n")
