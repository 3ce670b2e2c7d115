"""Which words does the command understand?"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import filelock
import pytest

from p4books.cli.app import app
from p4books.endpoints import ENDPOINTS
from p4books_sandbox import Fault, Sandbox

P4BOOKS = str(Path(sys.executable).with_name("p4books"))
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose settings point at the sandbox."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "SOURCES__P4BOOKS__TENANT": "shop",
        "SOURCES__P4BOOKS__API_KEY": sandbox.key,
        "SOURCES__P4BOOKS__BASE_URL": sandbox.base_url,
        "SOURCES__P4BOOKS__REQUESTS_PER_WINDOW": "100000",
    }


@pytest.fixture
def p4books(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run the installed command, as a shell would; settings are given as keywords."""

    def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        more = {f"SOURCES__P4BOOKS__{name.upper()}": value for name, value in settings.items()}
        return subprocess.run(
            [P4BOOKS, *words],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def synced(ask: Run, home: Path, tmp_path: Path) -> Path:
    """The data folder after the first sync of books like those of the test's sandbox."""
    return Path(shutil.copytree(home / "data", tmp_path / "data"))


def one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """Expect an error of few words that holds these parts, and neither traceback nor key."""
    assert "Traceback" not in done.stderr + done.stdout
    assert "sandbox-key" not in done.stderr + done.stdout
    assert 0 < len(done.stderr.strip().splitlines()) <= 2, done.stderr
    for part in parts:
        assert part in done.stderr


def test_sync_status_and_query_work_together(p4books: Run, sandbox: Sandbox) -> None:
    """What is synced is shown by status and answered by query."""
    synced = p4books("sync")
    status = json.loads(p4books("status", "--json").stdout)
    asked = p4books("query", "--json", "select count(*) as n from staging.invoices")

    assert synced.returncode == 0, synced.stderr
    assert "Published" in synced.stdout
    rows = {table["table"]: table["rows"] for table in status["tables"]}
    assert rows == {path.replace("-", "_"): len(book) for path, book in sandbox.books.items()}
    assert json.loads(asked.stdout) == [{"n": len(sandbox.books["invoices"])}]


@pytest.mark.usefixtures("synced")
def test_a_second_sync_says_that_nothing_changed(p4books: Run) -> None:
    """An unchanged run says so and publishes nothing."""
    again = json.loads(p4books("sync", "--json").stdout)

    assert not again["loaded"]
    assert not again["published"]
    assert {(r["new"], r["changed"], r["gone"]) for r in again["readings"]} == {(0, 0, 0)}


@pytest.mark.usefixtures("synced")
def test_only_the_named_endpoints_are_read(p4books: Run, sandbox: Sandbox) -> None:
    """`sync invoices purchase-orders` asks for these two and nothing else."""
    done = p4books("sync", "invoices", "purchase-orders")

    assert done.returncode == 0, done.stderr
    assert {request.endpoint for request in sandbox.requests} == {"invoices", "purchase-orders"}


def test_adopt_says_what_it_did(p4books: Run, sandbox: Sandbox) -> None:
    """A field is adopted without a key or a request; the next sync publishes it."""
    sandbox.books["vendors"].replace(1, since="2026-03-31")
    sandbox.books["vendors"].replace(2, since="?", colour="red")
    p4books("sync")
    asked = len(sandbox.requests)

    done = p4books("adopt", "Vendors.Since", "--as", "day", api_key="")
    told = json.loads(p4books("adopt", "vendors.colour", "--json", api_key="").stdout)

    assert (done.returncode, done.stderr, len(sandbox.requests)) == (0, "", asked)
    assert done.stdout == (
        "vendors.since is a column now (day), filled in 1 of 20 versions. What did not fit is in "
        "raw.findings: 1. It is published with the next `p4books sync`.\n"
    )
    assert told == {
        "endpoint": "vendors",
        "field": "colour",
        "kind": "text",
        "versions": 20,
        "values": 1,
        "misfits": 0,
    }
    assert "Published" in p4books("sync").stdout


def test_amounts_in_json_keep_every_digit(ask: Run) -> None:
    """A decimal is printed as the number it is, not as a float near it."""
    done = ask("query", "--json", "select 1234567890123456.78::decimal(18, 2) as amount")

    assert "1234567890123456.78" in done.stdout


def test_check_spends_one_request_an_endpoint(p4books: Run, sandbox: Sandbox) -> None:
    """`check` says what each endpoint announces, for one light request each."""
    found = json.loads(p4books("check", "--json").stdout)

    assert len(sandbox.requests) == 6
    assert {each["page_size"] for each in map(vars, sandbox.requests)} == {1}
    assert {each["endpoint"]: each["announced"] for each in found} == {
        path.replace("-", "_"): len(book) for path, book in sandbox.books.items()
    }
    assert all(each["page_size_honoured"] for each in found)


@pytest.mark.usefixtures("synced")
def test_check_deep_is_remembered(p4books: Run, sandbox: Sandbox) -> None:
    """`check --deep` tells in a few requests more how the API behaves; `status` tells it again."""
    told = json.loads(p4books("check", "--deep", "--json", page_size="20").stdout)
    requests = len(sandbox.requests)
    shown = p4books("check", "--deep", page_size="20").stdout
    status = json.loads(p4books("status", "--json").stdout)

    assert [each["endpoint"] for each in told["endpoints"]] == list(ENDPOINTS)
    assert requests <= 6 + 12
    assert told["traits"] == {
        "endpoint": "products",
        "rows": len(sandbox.books["products"]),
        "order": "oldest first",
        "page_size": 20,
        "most_rows": None,
        "past_end": "no rows",
        "page_param": "page",
        "page_size_param": "page_size",
        "limits": [],
    }
    assert {**told["traits"], "found_at": status["traits"]["found_at"]} == status["traits"]
    assert "oldest first" in shown


def test_no_settings_at_all_names_both(tmp_path: Path) -> None:
    """A newcomer without settings is told the two that are missing, and ends with 2."""
    done = subprocess.run(
        [P4BOOKS, "sync"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    one_sentence(done, "SOURCES__P4BOOKS__TENANT", "SOURCES__P4BOOKS__API_KEY")


def test_a_wrong_key_is_said_once_for_one_request(p4books: Run, sandbox: Sandbox) -> None:
    """A wrong key costs one request, is never tried again, and is not printed."""
    done = p4books("sync", api_key="not-the-right-key")

    assert done.returncode == 1
    one_sentence(done, "401", "shop")
    assert "not-the-right-key" not in done.stderr + done.stdout
    assert len(sandbox.requests) == 1


def test_a_missing_right_stops_one_endpoint_only(p4books: Run, sandbox: Sandbox) -> None:
    """A 403 is said with its remedy, the others are published, and the run ends with 1."""
    sandbox.forbid("vendors")

    done = p4books("sync")

    assert done.returncode == 1
    one_sentence(done, "vendors", "403", "`endpoints`")
    assert "Published" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sync", "invoice"], "Did you mean 'invoices'?"),
        (["sync", "--frobnicate"], "--frobnicate"),
        (["synk"], "synk"),
        (["adopt", "vendors.colour"], "no warehouse yet"),
        (["adopt", "vendor.colour"], "Did you mean 'vendors'?"),
        (["adopt", "vendors.colour", "--as", "number"], "measure"),
    ],
)
def test_wrong_words_end_with_2(p4books: Run, words: list[str], says: str) -> None:
    """An unknown endpoint, option or verb is named, and nothing is asked."""
    done = p4books(*words)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("synced")
def test_faults_are_told_in_json_too(p4books: Run, sandbox: Sandbox) -> None:
    """A list that can't be read is a fault in `sync --json`, beside what was done."""
    sandbox.faults.stage(Fault("status", endpoint="vendors", status=422, times=None))

    done = p4books("sync", "vendors", "products", "products", "--json")

    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert [fault["kind"] for fault in told["faults"]] == ["Refused"]
    assert [reading["endpoint"] for reading in told["readings"]] == ["products"]


def test_an_unknown_setting_suggests_the_nearest(p4books: Run) -> None:
    """A setting that does not exist is an error, not silently ignored."""
    done = p4books("sync", page_siz="10")

    assert done.returncode == 2
    one_sentence(done, "page_siz", "page_size")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("selec 1", "syntax error"),
        ("select * from staging.invoies", "invoices"),
        ("select * from read_csv('/etc/hostname')", "Permission"),
        ("create table x (i int)", "read-only"),
    ],
)
def test_a_bad_query_is_said_and_ends_with_2(ask: Run, sql: str, says: str) -> None:
    """What DuckDB says of a query is passed on, without a traceback."""
    done = ask("query", sql)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_status_before_the_first_sync_says_what_to_do(p4books: Run) -> None:
    """Without a published file the remedy is named."""
    done = p4books("status")

    assert done.returncode == 1
    one_sentence(done, "p4books sync")


def test_another_run_ends_this_one_with_75(p4books: Run, synced: Path, sandbox: Sandbox) -> None:
    """While another run holds the tenant, this one asks nothing and ends with 75."""
    with filelock.FileLock(synced / ".private" / "shop" / "run.lock"):
        done = p4books("sync")

    assert (done.returncode, sandbox.requests) == (75, [])
    one_sentence(done, "shop")


def test_a_stopped_run_says_so_and_the_next_goes_on(
    environment: dict[str, str], sandbox: Sandbox, tmp_path: Path, p4books: Run
) -> None:
    """SIGTERM ends a run at once, with a sentence; the next one brings everything."""
    sandbox.faults.stage(Fault("slow", endpoint="invoices", seconds=20, times=1))
    with subprocess.Popen(
        [P4BOOKS, "sync"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as running:
        deadline = time.monotonic() + 20
        while not any(r.endpoint == "invoices" for r in sandbox.requests):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=10)
    sandbox.faults.clear()

    assert running.returncode == 130
    assert "Stopped" in said
    assert p4books("sync").returncode == 0


def test_two_tenants_keep_their_own_files(p4books: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """`--tenant` chooses the table with its own key, and its own published file."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        f'[sources.p4books.tenants.north]\napi_key = "{sandbox.key}"\n'
    )

    done = p4books("sync", "vendors", "--tenant", "north")

    assert done.returncode == 0, done.stderr
    with duckdb.connect(tmp_path / "data" / "north.duckdb", read_only=True) as con:
        assert con.execute("select tenant from about").fetchone() == ("north",)
    assert not (tmp_path / "data" / "shop.duckdb").exists()


@pytest.mark.parametrize("verb", sorted(app.commands))
def test_every_verb_has_help_with_an_example(ask: Run, verb: str) -> None:
    """`--help` of each verb shows how it is used."""
    done = ask(verb, "--help")

    assert done.returncode == 0
    assert re.search(rf"(Example|example).*{verb}", done.stdout, re.DOTALL)


def test_sandbox_prints_the_settings_to_use_it(environment: dict[str, str]) -> None:
    """`p4books sandbox` starts, and prints lines that can be put into .env."""
    with subprocess.Popen(
        [P4BOOKS, "sandbox", "--invoices", "5"], env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(4)]
        running.terminate()

    assert any(line.startswith("SOURCES__P4BOOKS__API_KEY=") for line in lines)
    assert any(line.startswith("SOURCES__P4BOOKS__BASE_URL=http://127.0.0.1:") for line in lines)


def test_a_run_is_one_line(p4books: Run) -> None:
    """Where nobody looks at a terminal a run is one line: when, whose, what, for how much."""
    first, again = p4books("sync"), p4books("sync")

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d shop: Published data/shop\.duckdb\. "
        r"\d+ new; \d+ requests in [\d.]+ s\.\n",
        first.stdout,
    )
    assert "shop: Nothing changed; data/shop.duckdb stands." in again.stdout
    assert again.stdout.count("\n") == 1
    assert first.stderr + again.stderr == ""


def test_a_run_that_fails_is_one_line(p4books: Run, sandbox: Sandbox) -> None:
    """A run that could do nothing has its line too, as text or JSON: why is on stderr."""
    done = p4books("sync", api_key="wrong")
    told = json.loads(p4books("sync", "--log", "json", api_key="wrong").stdout)

    assert "shop: Nothing is published yet. Not all was done: key refused.\n" in done.stdout
    assert [fault["kind"] for fault in told["faults"]] == ["KeyRefused"]
    one_sentence(done, "401")


def test_a_run_that_is_stopped(p4books: Run, environment: dict[str, str], sandbox: Sandbox) -> None:
    """A run that somebody stops is in the log as stopped, with what it cost by then."""
    sandbox.faults.stage(Fault("slow", endpoint="vendors", seconds=20, times=None))
    going = subprocess.Popen(
        [P4BOOKS, "sync"], env=environment, cwd=environment["HOME"], stderr=subprocess.DEVNULL
    )
    while len(sandbox.requests) < 6:
        time.sleep(0.05)
    time.sleep(1.2)

    going.send_signal(signal.SIGTERM)

    assert going.wait(20) == 130
    (run,) = json.loads(p4books("runs", "--json").stdout)
    assert run["outcome"] == "stopped"
    assert run["requests"] >= 5


def test_a_run_as_json_lines(p4books: Run, sandbox: Sandbox) -> None:
    """With `--log json` every line is JSON: the run on stdout, what happens in it on stderr."""
    sandbox.faults.stage(Fault("status", endpoint="vendors", times=2))
    sandbox.forbid("products")

    done = p4books("sync", "--log", "json")

    (told,) = map(json.loads, done.stdout.splitlines())
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert (told["tenant"], told["published"]) == ("shop", True)
    assert [fault["kind"] for fault in told["faults"]] == ["RightMissing"]
    assert {event["level"] for event in events} == {"info", "error"}
    assert all(event.keys() == {"at", "level", "from", "said"} for event in events)
    assert "products" in events[-1]["said"]
    assert sandbox.key not in done.stdout + done.stderr


def test_an_error_as_a_json_line(p4books: Run) -> None:
    """What stops a run at once is a line of JSON too."""
    done = p4books("sync", "--log", "json", api_key="wrong")

    assert done.returncode == 1
    assert "401" in json.loads(done.stderr.splitlines()[-1])["said"]


@pytest.mark.usefixtures("synced")
def test_runs(p4books: Run, sandbox: Sandbox) -> None:
    """The runs are listed, the failed one too, and each can be looked at."""
    sandbox.forbid("invoices")
    p4books("sync")
    p4books("sync", api_key="wrong")

    listed = json.loads(p4books("runs", "--json").stdout)
    shown = p4books("runs")
    one = json.loads(p4books("runs", "2", "--json").stdout)
    table = p4books("runs", "2")

    assert [(run["id"], run["outcome"]) for run in listed] == [
        (3, "KeyRefused"),
        (2, "RightMissing"),
        (1, "done"),
    ]
    assert all(word in shown.stdout for word in ("key refused", "right missing", "done"))
    assert {each["endpoint"]: each["outcome"] for each in one["readings"]}["invoices"] == (
        "RightMissing"
    )
    assert table.stdout.count("done") == 5
    assert len(json.loads(p4books("runs", "--last", "1", "--json").stdout)) == 1


def test_a_run_that_is_not_there(p4books: Run) -> None:
    """A number that no run has is said, with 2."""
    done = p4books("runs", "7")

    one_sentence(done, "There is no run 7")
    assert done.returncode == 2


def test_what_a_sync_leaves_undone_is_said(p4books: Run) -> None:
    """A first copy that goes on is said on stderr, and is no failure."""
    done = p4books("sync", "invoices", page_size="5", requests_per_run="3")

    assert done.returncode == 0
    assert "the first copy is in progress" in done.stderr
    assert "Nothing is published yet. 3 requests" in done.stdout


@pytest.mark.usefixtures("synced")
def test_gone_is_guarded(p4books: Run, sandbox: Sandbox) -> None:
    """Many rows gone at once are not believed, until somebody says so."""
    for number in range(1, 29):
        sandbox.books["invoices"].delete(number)

    before = json.loads(p4books("status", "--json").stdout)["tables"][3]
    guarded = p4books("sync")
    after = json.loads(p4books("status", "--json").stdout)["tables"][3]
    listed = p4books("runs", "2").stdout
    allowed = p4books("sync", "--allow-gone", "invoices")

    assert guarded.returncode == 1
    assert before["verified_to"] == after["verified_to"]
    assert "too many gone" in listed
    one_sentence(guarded, "28 of 30 rows", "--allow-gone invoices")
    assert allowed.returncode == 0
    assert "28 gone" in allowed.stdout
