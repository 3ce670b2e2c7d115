"""Tests of the commands sync, check, status, runs, adopt, and of what all commands share."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import filelock
import pytest
from tests.command import P4BOOKS, Run, run_process
from tests.p4books.cli.conftest import Environment, SyncedShop, assert_one_sentence

from p4books.cli.app import app
from p4books.endpoints import ENDPOINTS
from p4books_sandbox import Fault, Sandbox


@pytest.mark.parametrize("command", sorted(app.commands))
def test_help_shows_an_example(run_shop: Run, command: str) -> None:
    """`--help` of each command has an example of it."""
    if command == "sandbox":  # it becomes the sandbox's own process
        done = run_process([P4BOOKS, command, "--help"], Path.cwd(), {})
    else:
        done = run_shop(command, "--help")

    assert done.returncode == 0
    assert re.search(rf"(Example|example).*{command}", done.stdout, re.DOTALL)
    assert re.search(rf"usage: p4books {command}\b", done.stdout, re.IGNORECASE)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sync", "invoice"], "Did you mean 'invoices'?"),
        (["sync", "--allow-gone", "invoice"], "Did you mean 'invoices'?"),
        (["sync", "--frobnicate"], "--frobnicate"),
        (["synk"], "synk"),
        (["adopt", "vendors.colour"], "no warehouse yet"),
        (["adopt", "vendor.colour"], "Did you mean 'vendors'?"),
        (["adopt", "vendors.colour", "--as", "number"], "measure"),
    ],
)
def test_wrong_usage(p4books: Run, sandbox: Sandbox, words: list[str], says: str) -> None:
    """An unknown endpoint, option or command is named, ends with 2, and nothing is requested."""
    done = p4books(*words)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert sandbox.requests == []


def test_no_settings(tmp_path: Path) -> None:
    """A new user's process names the two missing settings and ends with 2."""
    done = run_process([P4BOOKS, "sync"], tmp_path, {"HOME": str(tmp_path)})

    assert done.returncode == 2
    assert_one_sentence(done, "SOURCES__P4BOOKS__TENANT", "SOURCES__P4BOOKS__API_KEY")


def test_unknown_setting(p4books: Run) -> None:
    """A setting that does not exist is an error that suggests the nearest one."""
    done = p4books("sync", page_siz="10")

    assert done.returncode == 2
    assert_one_sentence(done, "page_siz", "page_size")


def test_first_sync(first_sync: SyncedShop, run_shop: Run, sandbox: Sandbox) -> None:
    """A first sync is one line; `status` and `query` show every row of it."""
    status = json.loads(run_shop("status", "--json").stdout)
    queried = run_shop("query", "--json", "select count(*) as n from staging.invoices")

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d shop: Published data/shop\.duckdb\. "
        r"\d+ new; \d+ requests in [\d.]+ s\.\n",
        first_sync.done.stdout,
    )
    assert first_sync.done.stderr == ""
    rows = {table["table"]: table["rows"] for table in status["tables"]}
    assert rows == {path.replace("-", "_"): len(book) for path, book in sandbox.books.items()}
    assert json.loads(queried.stdout) == [{"n": len(sandbox.books["invoices"])}]


@pytest.mark.usefixtures("synced")
def test_nothing_changed(p4books: Run) -> None:
    """A sync of unchanged lists says so in one line, and loads and publishes nothing."""
    text = p4books("sync")
    summary = json.loads(p4books("sync", "--json").stdout)

    assert "shop: Nothing changed; data/shop.duckdb is unchanged. " in text.stdout
    assert (text.stdout.count("\n"), text.stderr) == (1, "")
    assert not summary["loaded"]
    assert not summary["published"]
    assert {(r["new"], r["changed"], r["gone"]) for r in summary["readings"]} == {(0, 0, 0)}


@pytest.mark.usefixtures("synced")
def test_named_endpoints(p4books: Run, sandbox: Sandbox) -> None:
    """`sync invoices Purchase-Orders` reads these two lists and no others."""
    done = p4books("sync", "invoices", "Purchase-Orders")

    assert done.returncode == 0, done.stderr
    assert {request.endpoint for request in sandbox.requests} == {"invoices", "purchase-orders"}


@pytest.mark.usefixtures("synced")
def test_wrong_key(p4books: Run, sandbox: Sandbox) -> None:
    """A wrong key costs one request, ends with 1 and one line, and is not printed."""
    done = p4books("sync", api_key="not-the-right-key")

    assert done.returncode == 1
    assert "shop: data/shop.duckdb is unchanged. Not everything was done: key refused.\n" in (
        done.stdout
    )
    assert_one_sentence(done, "401", "shop")
    assert "not-the-right-key" not in done.stderr + done.stdout
    assert len(sandbox.requests) == 1


def test_wrong_key_as_json_lines(p4books: Run) -> None:
    """With `--log json` a run that could do nothing is a line of JSON, and so is the error."""
    done = p4books("sync", "--log", "json", api_key="wrong")

    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert [fault["kind"] for fault in summary["faults"]] == ["KeyRefused"]
    assert "401" in json.loads(done.stderr.splitlines()[-1])["said"]
    assert summary["requests"] == json.loads(p4books("runs", "--json").stdout)[0]["requests"] == 1


def test_wrong_key_before_the_first_sync(p4books: Run) -> None:
    """The line of a run says if nothing was ever published."""
    done = p4books("sync", api_key="wrong")

    assert "shop: Nothing is published yet. Not everything was done: key refused.\n" in done.stdout


@pytest.mark.usefixtures("synced")
def test_maintenance_page(p4books: Run, sandbox: Sandbox) -> None:
    """An HTML page is one sentence, after the retries of one list, and is not shown itself."""
    sandbox.faults.stage(Fault("html", times=None))

    done = p4books("check", endpoints="vendors")

    assert_one_sentence(done, "with an HTML page")
    assert "<" not in done.stderr


@pytest.mark.usefixtures("synced")
def test_lines_of_a_log(p4books: Run, sandbox: Sandbox) -> None:
    """What a sync writes to a log begins with the time and the tenant, on stderr, too."""
    sandbox.forbid("vendors")
    sandbox.books["products"].replace(1, colour="red", size="L")

    done = p4books("sync", "vendors", "products")

    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    assert len(lines) == 3
    assert [line for line in lines if not re.match(r"\d{4}-\d\d-\d\d [\d:]{8} shop: ", line)] == []
    assert "2 new fields: products.colour, products.size." in done.stderr


@pytest.mark.usefixtures("synced")
def test_missing_right(p4books: Run, sandbox: Sandbox) -> None:
    """A 403 is reported with its remedy, the other lists are published, and the run ends with 1."""
    sandbox.forbid("vendors")
    sandbox.books["products"].replace(1, name="Renamed")

    done = p4books("sync", "vendors", "products")

    assert done.returncode == 1
    assert_one_sentence(done, "vendors", "403", "`endpoints`")
    assert "Published data/shop.duckdb. Not everything was done: right missing. 1 changed;" in (
        done.stdout
    )


@pytest.mark.usefixtures("synced")
def test_faults_as_json(p4books: Run, sandbox: Sandbox) -> None:
    """A list that cannot be read is a fault in `sync --json`, next to what was done."""
    sandbox.faults.stage(Fault("status", endpoint="vendors", status=422, times=None))

    done = p4books("sync", "vendors", "products", "products", "--json")

    summary = json.loads(done.stdout)
    assert done.returncode == 1
    assert [fault["kind"] for fault in summary["faults"]] == ["Refused"]
    assert [reading["endpoint"] for reading in summary["readings"]] == ["products"]


@pytest.mark.usefixtures("synced")
def test_json_lines(p4books: Run, sandbox: Sandbox) -> None:
    """With `--log json` the run is a line of JSON on stdout, and each event one on stderr."""
    sandbox.faults.stage(Fault("status", endpoint="vendors", times=2))
    sandbox.forbid("products")

    done = p4books("sync", "--log", "json")

    (summary,) = map(json.loads, done.stdout.splitlines())
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert (summary["tenant"], summary["published"]) == ("shop", False)
    assert len(summary["readings"]) == len(ENDPOINTS) - 1
    assert [fault["kind"] for fault in summary["faults"]] == ["RightMissing"]
    assert {event["level"] for event in events} == {"info", "error"}
    assert all(event.keys() == {"at", "level", "from", "tenant", "said"} for event in events)
    assert {event["tenant"] for event in events} == {"shop"}
    assert "products" in events[-1]["said"]
    assert sandbox.key not in done.stdout + done.stderr


def test_first_copy_in_progress(p4books: Run) -> None:
    """A first copy that the next run continues is reported, and is not a failure."""
    done = p4books("sync", "invoices", page_size="5", requests_per_run="3")
    shown = p4books("runs", "1")

    assert done.returncode == 0
    assert "invoices" in done.stderr
    assert "p4books sync --full" in done.stderr
    status = p4books("status")
    assert status.returncode == 1
    assert (
        "First copies in progress: invoices 50 % (3 of about 6 pages, 15 rows).\n" in status.stdout
    )
    assert "does not exist yet" in status.stderr
    assert "Nothing is published yet. 3 requests" in done.stdout
    assert done.stdout.endswith(" First copy in progress: invoices.\n")
    assert "in progress" in shown.stdout


@pytest.mark.usefixtures("synced")
def test_mass_deletion(p4books: Run, sandbox: Sandbox) -> None:
    """Many rows gone at once are not closed until `--allow-gone` says that they are gone."""
    for number in range(1, 29):
        sandbox.books["invoices"].delete(number)

    invoices = list(ENDPOINTS).index("invoices")
    before = json.loads(p4books("status", "--json").stdout)["tables"][invoices]
    guarded = p4books("sync")
    after = json.loads(p4books("status", "--json").stdout)["tables"][invoices]
    runs = p4books("runs", "2").stdout
    allowed = p4books("sync", "--allow-gone", "invoices")

    assert guarded.returncode == 1
    assert before["verified_to"] == after["verified_to"]
    assert "too many gone" in runs
    assert_one_sentence(guarded, "28 of 30 rows", "--allow-gone invoices")
    assert allowed.returncode == 0
    assert "28 gone" in allowed.stdout


def test_tenants(p4books: Run, synced: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    """`--tenant` selects the table with that tenant's key, and that tenant's files."""
    for folder, suffix in ((synced, ".duckdb"), (synced / ".private", "")):
        shutil.move(folder / f"shop{suffix}", folder / f"north{suffix}")
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        f'[sources.p4books.tenants.north]\napi_key = "{sandbox.key}"\n'
    )

    done = p4books("sync", "vendors", "--tenant", "north", api_key="of-the-other-tenant")

    assert done.returncode == 0, done.stderr
    assert "north: Nothing changed; data/north.duckdb is unchanged. " in done.stdout
    assert {request.endpoint for request in sandbox.requests} == {"vendors"}
    assert not list(synced.rglob("*shop*"))


def test_another_run(p4books: Run, synced: Path, sandbox: Sandbox) -> None:
    """While another run holds the tenant's lock, a run requests nothing and ends with 75."""
    with filelock.FileLock(synced / ".private" / "shop" / "run.lock"):
        done = p4books("sync")
        shown = p4books("runs")

    assert (done.returncode, sandbox.requests) == (75, [])
    assert_one_sentence(done, "shop")
    assert "done" in shown.stdout


@pytest.mark.usefixtures("synced")
def test_stopped(p4books: Run, environment: Environment, sandbox: Sandbox, tmp_path: Path) -> None:
    """SIGTERM ends a process at once with 130; the log has its cost, and the next run continues."""
    sandbox.faults.stage(Fault("slow", endpoint="invoices", seconds=20, times=None))
    with subprocess.Popen(
        [P4BOOKS, "sync"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as running:
        deadline = time.monotonic() + 60
        while len(sandbox.requests) < len(ENDPOINTS):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.2)  # the cost of a run in progress is noted twice a second
        running.send_signal(signal.SIGTERM)
        _, stderr = running.communicate(timeout=20)
    sandbox.faults.clear()
    run = json.loads(p4books("runs", "--json").stdout)[0]
    following = p4books("sync")

    assert running.returncode == 130
    assert "Stopped. " in stderr
    assert run["outcome"] == "stopped"
    assert run["requests"] >= 5
    assert following.returncode == 0
    assert json.loads(p4books("runs", "--json").stdout)[0]["outcome"] == "done"


def test_check(p4books: Run, sandbox: Sandbox) -> None:
    """`check` counts the rows of each endpoint with one request each."""
    results = json.loads(p4books("check", "--json").stdout)

    assert len(sandbox.requests) == len(ENDPOINTS)
    assert {each["page_size"] for each in map(vars, sandbox.requests)} == {1}
    assert {each["endpoint"]: each["announced"] for each in results} == {
        path.replace("-", "_"): len(book) for path, book in sandbox.books.items()
    }
    assert all(each["page_size_honoured"] for each in results)


@pytest.mark.usefixtures("synced")
def test_check_deep(p4books: Run, sandbox: Sandbox) -> None:
    """`check --deep` detects in a dozen requests how the API behaves; `status` shows it later."""
    results = json.loads(p4books("check", "--deep", "--json", page_size="20").stdout)
    requests = len(sandbox.requests)
    shown = p4books("check", "--deep", page_size="20").stdout
    status = json.loads(p4books("status", "--json").stdout)
    status_shown = p4books("status").stdout

    assert [each["endpoint"] for each in results["endpoints"]] == list(ENDPOINTS)
    assert requests <= len(ENDPOINTS) + 12
    assert results["traits"] == {
        "endpoint": "products",
        "rows": len(sandbox.books["products"]),
        "order": "oldest first",
        "page_size": 20,
        "most_rows": None,
        "past_end": "no rows",
        "page_param": "page",
        "page_size_param": "page_size",
        "limits": [],
        "total_is_exact": True,
    }
    assert {**results["traits"], "found_at": status["traits"]["found_at"]} == status["traits"]
    assert "oldest first" in shown
    assert "oldest first" in status_shown


@pytest.mark.usefixtures("synced")
@pytest.mark.parametrize("words", [["query", "select 1"], ["export"], ["models"]])
def test_tenant_without_files(p4books: Run, words: list[str]) -> None:
    """A tenant that was not synced yet is an error that names the one that was."""
    done = p4books(*words, "--tenant", "acme", tenant="acme")

    assert_one_sentence(
        done, "Run `p4books sync --tenant acme` first. There is shop: --tenant shop."
    )
    assert "There is shop: --tenant shop." in p4books("status", tenant="acme").stdout


def test_status_before_the_first_sync(p4books: Run) -> None:
    """Without a published file `status` says what to do, and ends with 1."""
    done = p4books("status")

    assert done.returncode == 1
    assert_one_sentence(done, "p4books sync")


@pytest.mark.usefixtures("synced")
def test_runs(p4books: Run, sandbox: Sandbox) -> None:
    """The runs are listed, including failed ones, and each can be shown by endpoint."""
    sandbox.forbid("invoices")
    p4books("sync")
    p4books("sync", api_key="wrong")

    listed = json.loads(p4books("runs", "--json").stdout)
    shown = p4books("runs")
    one = json.loads(p4books("runs", "2", "--json").stdout)
    one_shown = p4books("runs", "2")

    assert [(run["id"], run["outcome"]) for run in listed] == [
        (3, "KeyRefused"),
        (2, "RightMissing"),
        (1, "done"),
    ]
    assert all(word in shown.stdout for word in ("key refused", "right missing", "done"))
    assert {each["endpoint"]: each["outcome"] for each in one["readings"]}["invoices"] == (
        "RightMissing"
    )
    assert one_shown.stdout.count("done") == len(ENDPOINTS) - 1
    assert len(json.loads(p4books("runs", "--last", "1", "--json").stdout)) == 1


def list_values(value: object, name: str = "") -> list[tuple[str, object]]:
    """Return all values of a JSON document, each with the last name that leads to it."""
    if isinstance(value, dict):
        return [pair for key, each in value.items() for pair in list_values(each, key)]
    if isinstance(value, list):
        return [pair for each in value for pair in list_values(each, name)]
    return [(name, value)]


JSON_COMMANDS = (
    *("sync --json", "sync --log json", "runs --json", "runs 2 --json", "check --deep --json"),
    *("status --json", "report --json", "models --json", "models ar_aging --json"),
    "push customers new.csv --dry-run --json",
    "push customers new.csv --json",
    *("pushes --json", "pushes 1 --json", "adopt vendors.since --json"),
    "export ar_aging --format csv --json",
    *("page --json", "statement CLI-0001 --json"),
    "query --json 'select verified_at, [verified_at] as all from staging.vendors limit 1'",
    *("backup --to copies --json", "restore --from copies --json", "watch --json"),
)


@pytest.mark.usefixtures("synced")
def test_instants_in_json(p4books: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """Every instant in JSON is ISO 8601 in UTC, whatever the command; every duration has a unit."""
    (tmp_path / "new.csv").write_text("code,name\nC-9001,Farmacia El Faro\n")
    sandbox.books["vendors"].replace(1, since="2026-03-31")
    documents: list[object] = []
    for command in JSON_COMMANDS:
        done = p4books(*shlex.split(command))
        assert done.returncode == 0, (command, done.stderr)
        texts = [done.stdout, *(done.stderr.splitlines() if "--log" in command else [])]
        documents += map(json.loads, texts)

    values = [pair for document in documents for pair in list_values(document)]
    instant = re.compile(r"(^at|_at|_to|oldest|_as_of)$")
    instants = [each for name, each in values if instant.search(name) and each]
    assert len(instants) > 50
    shape = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z")
    assert [each for each in instants if not shape.fullmatch(str(each))] == []
    assert [pair for pair in values if isinstance(pair[1], float) and 1e9 < pair[1] < 1e11] == []
    assert {"waited"}.isdisjoint(name for name, _ in values)
    named = {command.split()[0] for command in JSON_COMMANDS}
    has_json = {
        name
        for name, command in app.commands.items()
        if any("--json" in option.opts for option in command.params)
    }
    assert has_json <= named | {"home", "lake"}  # which need a Postgres: see tests/lake


@pytest.mark.usefixtures("synced")
def test_messages_of_a_run(p4books: Run, sandbox: Sandbox) -> None:
    """The errors of a run are kept in full, and shown with it."""
    sandbox.forbid("vendors")
    failed = p4books("sync", "vendors", "products")
    refused = p4books("sync", api_key="wrong")

    assert failed.stderr.endswith(p4books("runs", "2").stdout.splitlines()[-1] + "\n")
    first_line, message = p4books("runs", "3").stdout.splitlines()
    assert first_line == "Run 3 read no list."
    assert refused.stderr.endswith(f"shop: {message}\n")
    (run, _, first) = json.loads(p4books("runs", "--json").stdout)
    assert run["messages"] == [message]
    assert first["messages"] == []


def test_missing_run(p4books: Run) -> None:
    """The number of a run that does not exist is an error, with 2."""
    done = p4books("runs", "7")

    assert_one_sentence(done, "There is no run 7")
    assert done.returncode == 2


@pytest.mark.usefixtures("synced")
def test_adopt(p4books: Run, sandbox: Sandbox) -> None:
    """A field is adopted without a key or a request; the next sync publishes it."""
    sandbox.books["vendors"].replace(1, since="2026-03-31")
    sandbox.books["vendors"].replace(2, since="?", colour="red")
    p4books("sync", "vendors")
    requests = len(sandbox.requests)
    unknown = p4books("status").stdout

    text = p4books("adopt", "Vendors.Since", "--as", "day", api_key="")
    adopted = json.loads(p4books("adopt", "vendors.colour", "--json", api_key="").stdout)

    assert "vendors.colour, vendors.since" in unknown
    assert (text.returncode, text.stderr, len(sandbox.requests)) == (0, "", requests)
    assert text.stdout == (
        "vendors.since is now a column (day), filled in 1 of 22 versions. Values that did not fit "
        "are in raw.findings: 1. The next `p4books sync` publishes it.\n"
    )
    assert adopted == {
        "endpoint": "vendors",
        "field": "colour",
        "kind": "text",
        "versions": 22,
        "values": 1,
        "misfits": 0,
    }
    assert "Published" in p4books("sync", "vendors").stdout
