"""Tests of the verdict and the metrics of `status`, and of runs that only continue."""

import json
import time
from pathlib import Path

import filelock
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.command import Run
from tests.p4books.cli.conftest import assert_one_sentence

from p4books_sandbox import Sandbox


@pytest.mark.usefixtures("synced")
def test_verdict(p4books: Run, sandbox: Sandbox) -> None:
    """A failed run is said first, on stderr as well, and ends with 1 until one succeeds."""
    sandbox.forbid("vendors")
    p4books("sync", "vendors", "products")
    failed = p4books("status")
    as_json = p4books("status", "--json")
    sandbox.permit("vendors")
    p4books("sync", "vendors")
    well = p4books("status")

    assert failed.returncode == as_json.returncode == 1
    assert failed.stdout.startswith("Not all is well: run 2 failed 0 seconds ago. vendors: ")
    assert failed.stderr == failed.stdout.splitlines(keepends=True)[0]
    assert json.loads(as_json.stdout)["health"]["problems"][0]["kind"] == "run_failed"
    assert next(iter(json.loads(as_json.stdout))) == "health"
    assert well.stdout.startswith("All is well: the lists were last read ")
    assert (well.returncode, well.stderr) == (0, "")


def test_max_age(run_shop: Run) -> None:
    """Older figures end with 1, and a limit that is no duration with 2."""
    time.sleep(1.1)
    old, young = run_shop("status", "--max-age", "1s"), run_shop("status", "--max-age", "1d")
    wrong = run_shop("status", "--max-age", "1.5h")

    assert (old.returncode, young.returncode, wrong.returncode) == (1, 0, 2)
    assert "Not all is well: the figures are " in old.stderr
    assert_one_sentence(wrong, "--max-age: '1.5h' is not a duration")


@pytest.mark.usefixtures("synced")
def test_run_in_progress(p4books: Run, synced: Path) -> None:
    """Another run in progress is no failure, and looking does not stand in its way."""
    with filelock.FileLock(synced / ".private" / "shop" / "run.lock"):
        done = p4books("status")

    assert done.returncode == 0


def test_metrics(run_shop: Run, home: Path) -> None:
    """Metrics are printed, or written to a file that anyone may read; they end with 0."""
    printed = run_shop("status", "--format", "prometheus", "--max-age", "1s")
    written = run_shop("status", "--format", "prometheus", "-o", "metrics/p4books.prom")
    file = home / "metrics" / "p4books.prom"

    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    rows = [
        sample.value
        for family in text_string_to_metric_families(file.read_text())
        for sample in family.samples
        if sample.name == "p4books_rows"
        if sample.labels == {"tenant": "shop", "endpoint": "invoices"}
    ]
    assert rows == [30]
    assert "# TYPE p4books_healthy gauge\n" in printed.stdout
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(file.parent.iterdir()) == [file]


def test_metrics_of_what_cannot_be_read(p4books: Run, tmp_path: Path, synced: Path) -> None:
    """Before the first sync, and with a damaged log of runs, metrics are valid and say it."""
    never = p4books("status", "--format", "prometheus", tenant="other")
    (synced / ".private" / "shop" / "runs.sqlite").write_bytes(b"damaged" * 1000)
    damaged = p4books("status", "--format", "prometheus")
    shown = p4books("status")

    assert [done.returncode for done in (never, damaged)] == [0, 0]
    for done, tenant in ((never, "other"), (damaged, "shop")):
        families = text_string_to_metric_families(done.stdout)
        (healthy,) = [family for family in families if family.name == "p4books_healthy"]
        assert [(s.labels, s.value) for s in healthy.samples] == [({"tenant": tenant}, 0)]
    assert "runs.sqlite" in damaged.stderr
    assert_one_sentence(shown, "runs.sqlite")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--json", "--format", "prometheus"], "contradict"),
        (["-o", "x.prom"], "--format prometheus only"),
    ],
)
def test_options_that_contradict(run_shop: Run, words: list[str], why: str) -> None:
    """Options that mean two things are an error, with 2."""
    done = run_shop("status", *words)

    assert done.returncode == 2
    assert_one_sentence(done, why)


def test_existing(p4books: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """Without files of an earlier run, a run that only continues requests and makes nothing."""
    refused = p4books("sync", "--existing")
    assert not (tmp_path / "data").exists()
    p4books("sync", "vendors")
    requests = len(sandbox.requests)
    continued = p4books("sync", "vendors", "--existing")

    assert (refused.returncode, continued.returncode) == (1, 0)
    assert_one_sentence(refused, "no earlier run to continue from")
    assert len(sandbox.requests) > requests > 0
