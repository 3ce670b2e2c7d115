"""Commands with --all: every tenant of the settings, in one process."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from tests.command import Completed, run_here

from p4books.settings import load_settings
from p4books.storage.files import tenant_lock
from p4books_sandbox import SandboxFleet

GOOD = ("north", "south")
NAMES = ("broken", *GOOD, "wrong")
SECRET = "key-of-"  # noqa: S105 - how the keys of the sandbox begin


@dataclass
class Shops:
    """Tenants in P4 Books, whose books differ in an invoice, and what the first sync printed."""

    fleet: SandboxFleet
    folder: Path
    run: Callable[..., Completed]
    first: Completed

    def read(self, name: str) -> list[tuple[object, ...]]:
        """Return the invoices in the published file of a tenant."""
        with duckdb.connect(self.folder / f"data/{name}.duckdb", read_only=True) as con:
            return con.execute(
                "select invoice_id, invoice_total, balance from core.fct_invoice order by all"
            ).fetchall()

    def run_json(self, *words: str) -> dict[str, dict[str, object]]:
        """Run a command with --all and --json, and return the objects by tenant."""
        found = json.loads(self.run(*words, "--all", "--json").stdout)
        assert [each["tenant"] for each in found] == list(NAMES)
        return {each["tenant"]: each for each in found}

    @contextmanager
    def settings(self, more: str) -> Iterator[None]:
        """Add to the settings for a while."""
        file = self.folder / ".dlt/secrets.toml"
        before = file.read_text()
        file.write_text(before + more)
        yield
        file.write_text(before)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    """Two tenants that were synced, one with a wrong setting, and one with a wrong key."""
    folder = tmp_path_factory.mktemp("shops")
    with SandboxFleet(invoices=12, limit=0, key=SECRET + "{tenant}") as fleet:
        for total, name in enumerate(GOOD, 1000):
            fleet.tenant(name).books["invoices"].replace(3, total=total)
        tables = "".join(
            f"[sources.p4books.tenants.{name}]\napi_key = '{fleet.key(name)}'\n" for name in GOOD
        )
        (folder / ".dlt").mkdir()
        (folder / ".dlt/secrets.toml").write_text(
            f"[sources.p4books]\nbase_url = '{fleet.base_url}'\nrequests_per_window = 100000\n"
            f"{tables}"
            "[sources.p4books.tenants.broken]\napi_key = 'k'\npage_size = 0\n"
            f"[sources.p4books.tenants.wrong]\napi_key = '{SECRET}nobody'\n"
        )
        state = {"XDG_STATE_HOME": str(folder / "state")}

        def run(*words: str) -> Completed:
            done = run_here(words, folder, state)
            assert SECRET not in done.stdout + done.stderr
            return done

        yield Shops(fleet, folder, run, run("sync", "--all", "--jobs", "2"))


def test_lines(shops: Shops) -> None:
    """In a log, each tenant has the line that it has alone, and its errors name it."""
    assert shops.first.returncode == 1
    lines = [line[20:] for line in shops.first.stdout.splitlines()]
    assert sorted(line.partition(": ")[0] for line in lines) == list(NAMES)
    assert sum("Published data/" in line for line in lines) == len(GOOD)
    broken, wrong = sorted(line[20:] for line in shops.first.stderr.splitlines())
    assert broken.startswith("broken: The setting page_size is invalid")
    assert wrong.startswith("wrong: P4 Books rejected the API key of tenant wrong")


def test_same_as_alone(shops: Shops) -> None:
    """Tenants that are synced at the same time get what each gets alone, and none another's."""
    together = shops.read("north")
    for total, name in enumerate(GOOD, 1000):
        assert next(row for row in shops.read(name) if row[0] == "3")[1] == total

    quiet = shops.run_json("sync")
    assert [quiet[name]["loaded"] for name in GOOD] == [False, False]
    assert quiet["broken"]["file"] is None

    alone = shops.run("sync", "--from-nothing", "--tenant", "north")
    assert alone.returncode == 0, alone.stderr
    assert shops.read("north") == together


@pytest.mark.parametrize(
    ("words", "field", "column"),
    [
        (("status",), "tables", "all is well"),
        (("check",), "endpoints", "readable"),
        (("export", "ar_aging", "--format", "csv", "--to", "out"), "files", "rows"),
        (("report",), "models", "left out"),
    ],
)
def test_other_commands(words: tuple[str, ...], field: str, column: str, shops: Shops) -> None:
    """Each has a table with a row per tenant and a JSON list; who fails stops no other."""
    found = shops.run_json(*words)
    done = shops.run(*words, "--all")

    assert done.returncode == 1
    header, *rows = done.stdout.splitlines()
    blamed = {line[20:].partition(": ")[0] for line in done.stderr.splitlines()}
    assert blamed == set(NAMES) - set(GOOD)
    assert column in header
    assert [row.split()[0] for row in rows] == list(NAMES)
    for name in NAMES:
        is_good = name in GOOD
        assert bool(found[name].get(field)) == is_good or field in {"tables"}
        assert bool(found[name]["faults"]) != is_good
    assert "--tenant wrong" in str(found["wrong"]["faults"]) or words[0] == "check"
    if words[0] == "export":
        assert "out/north.reporting.ar_aging.csv" in done.stdout
        files = [path.name for path in (shops.folder / "out").iterdir()]
        assert sorted(files) == [f"{name}.reporting.ar_aging.csv" for name in GOOD]


def test_invalid_group(shops: Shops) -> None:
    """A group that is wrong in the settings is a note after a sync, which ends as without it."""
    with shops.settings("[sources.p4books.groups.bad]\ntenants = ['north', 'nobody']\n"):
        for words in (["--tenant", "north"], ["--all"]):
            done = shops.run("sync", *words)
            assert done.returncode == (1 if "--all" in words else 0)
            note = next(line for line in done.stderr.splitlines() if "bad" in line)
            assert "The group bad is invalid: unknown tenant 'nobody'" in note
            assert note.endswith("It was not published.")


def test_metrics(shops: Shops) -> None:
    """The metrics of all tenants are one document, with each of them as a label."""
    done = shops.run("status", "--all", "--format", "prometheus")

    assert 'p4books_healthy{tenant="south"} 1' in done.stdout
    assert 'p4books_healthy{tenant="wrong"} 0' in done.stdout
    assert done.stdout.count("# TYPE p4books_healthy ") == 1


def test_groups(shops: Shops) -> None:
    """The files of groups are in the status, metrics and exports of all, after the tenants."""
    own = "[sources.p4books.groups.both]\ntenants = ['north', 'south']\n"
    names = [*NAMES, "group-both"]
    with shops.settings(own):
        missing = shops.run("status", "--all")
        assert [line.split()[0] for line in missing.stdout.splitlines()[1:]] == names
        assert "group-both: Not all is well: " in missing.stderr
        metric = 'p4books_healthy{tenant="group-both"}'
        assert f"{metric} 0" in shops.run("status", "--all", "--format", "prometheus").stdout

        assert shops.run("report", "--tenant", "group-both").returncode == 0
        status = json.loads(shops.run("status", "--all", "--json").stdout)[-1]
        assert (status["tenant"], status["ok"], status["faults"]) == ("group-both", True, [])
        words = ("status", "--tenant", "group-both", "--format", "prometheus")
        metrics = shops.run(*words).stdout
        assert f"{metric} 1" in metrics
        assert 'p4books_figures_timestamp_seconds{tenant="group-both"} ' in metrics
        assert "p4books_run_in_progress" not in metrics

        shops.run("export", "ar_aging", "--format", "csv", "--to", "both", "--all")
        files = sorted(path.name for path in (shops.folder / "both").iterdir())
        assert files == [f"{name}.reporting.ar_aging.csv" for name in ("group-both", *GOOD)]
    with shops.settings(own.replace("south", "nobody")):
        wrong = shops.run("status", "--all")
        assert "group-both: The group both is invalid: unknown tenant 'nobody'" in wrong.stderr


def test_events(shops: Shops) -> None:
    """With --log json each tenant has a line, and each event names its tenant."""
    shops.fleet.tenant("north").forbidden.add("vendors")
    settings = load_settings("south", shops.folder)
    with tenant_lock(settings):
        done = shops.run("sync", "--all", "--log", "json")
    shops.fleet.tenant("north").forbidden.clear()

    ended = {each["tenant"]: each["faults"] for each in map(json.loads, done.stdout.splitlines())}
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [fault["kind"] for fault in ended["south"]] == ["AlreadyRunning"]
    assert [fault["kind"] for fault in ended["north"]] == ["RightMissing"]
    assert {each["tenant"] for each in events if "vendors" in each["said"]} == {"north"}
    assert all(each["tenant"] in NAMES for each in events)


@pytest.mark.parametrize(
    ("words", "text", "why"),
    [
        (["--all", "--tenant", "north"], "", "--all and --tenant exclude each other"),
        (["--all"], "", "found no tenant in the settings"),
        (["--jobs", "2"], "", "--jobs needs --all"),
        (["--all"], "[sources.p4books\n", "cannot be read"),
        (
            ["--all"],
            "[sources.p4books.tenants.a]\n[sources.p4books.tenants.b]\n",
            "The API key of b is missing",
        ),
    ],
)
def test_nothing_to_do(words: list[str], text: str, why: str, tmp_path: Path) -> None:
    """Wrong options, no tenants, and settings that are wrong for all, end with 2 and a sentence."""
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(text)

    done = run_here(["sync", *words], tmp_path, {})

    assert done.returncode == 2
    assert why in done.stderr
    assert not Path("data").exists()
