"""Tests of `schedule`: what it prints, and its line for cron run as cron does."""

import re
import shutil
import subprocess
from pathlib import Path

import filelock
import pytest
from tests.command import Completed, Run, run_here
from tests.p4books.cli.conftest import Environment, assert_one_sentence

from p4books.settings import ENV_PREFIX
from p4books_sandbox import Sandbox

KINDS = ["cron", "systemd", "github", "gitlab"]


@pytest.mark.usefixtures("synced")
def test_cron_line(sandbox: Sandbox, tmp_path: Path) -> None:
    """The line syncs from an odd folder with the settings of that folder, and mails no overlap."""
    folder = tmp_path / "my b%oks' ñ"
    folder.mkdir()
    shutil.move(tmp_path / "data", folder)
    (folder / ".env").write_text(
        f"{ENV_PREFIX}TENANT=shop\n{ENV_PREFIX}API_KEY={sandbox.key}\n"
        f"{ENV_PREFIX}BASE_URL={sandbox.base_url}\n"
    )
    printed = run_here(["schedule", "--kind", "cron"], folder, {})
    assert printed.returncode == 0, printed.stderr
    (line,) = re.findall(r"^[^#].*", printed.stdout, re.MULTILINE)

    with filelock.FileLock(folder / "data" / ".private" / "shop" / "run.lock"):
        overlap = run_as_cron(line, tmp_path)
    requests = len(sandbox.requests)
    done = run_as_cron(line, tmp_path)
    sandbox.forbid("vendors")
    failed = run_as_cron(line, tmp_path)

    assert (requests, overlap.stdout, overlap.stderr) == (0, "", "")
    assert (done.stdout, done.stderr) == ("", "")
    assert len(sandbox.requests) > 0
    assert "shop: vendors: the API key is not allowed to read this list" in failed.stdout
    assert failed.stdout.endswith("p4books: sync ended with 1\n")
    assert sandbox.key not in printed.stdout + failed.stdout


def run_as_cron(line: str, home: Path) -> Completed:
    """Run a line of a crontab as cron does: sh in / with HOME only."""
    command = line.split(" ", 5)[5]
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("\\%", "%")],
        cwd="/",
        env={"HOME": str(home), "XDG_STATE_HOME": str(home / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_several_tenants(kind: str, tmp_path: Path) -> None:
    """All tenants of the settings are synced; no key is in what is printed."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        "".join(f"[sources.p4books.tenants.{t}]\napi_key = 'key-{t}'\n" for t in ("north", "south"))
    )

    done = run_here(["schedule", "--kind", kind, "--every", "1h"], tmp_path, {})
    one = run_here(["schedule", "--kind", kind, "--tenant", "north"], tmp_path, {})
    nobody = run_here(["schedule", "--kind", kind, "--tenant", "nobody"], tmp_path, {})

    assert (done.returncode, one.returncode, nobody.returncode) == (0, 0, 2), done.stderr
    assert_one_sentence(nobody, "Unknown tenant 'nobody'")
    assert "# Set sync_interval = 60 (minutes)" in done.stdout
    assert "sync_interval" not in one.stdout
    assert " sync --all" in done.stdout
    assert " sync --tenant north" in one.stdout
    assert "key-" not in done.stdout + one.stdout


def test_variables_of_the_shell(environment: Environment, tmp_path: Path) -> None:
    """Settings of the shell are named, for the schedule lacks them; their values are not shown.

    It takes over what has no secret, such as the file of certificates of an S3.
    """
    logins = {"PGPASSWORD": "secret", "AWS_SECRET_ACCESS_KEY": "secret"}
    logins["AWS_CA_BUNDLE"] = "/etc/ours.pem"
    shell = {**environment, **logins, "HTTPS_PROXY": "http://ana:secret@proxy:3128"}

    done = run_here(["schedule", "--kind", "cron"], tmp_path, shell)

    assert f"{ENV_PREFIX}API_KEY" in done.stderr
    assert "AWS_SECRET_ACCESS_KEY, HTTPS_PROXY, PGPASSWORD, " in done.stderr
    assert f"XDG_STATE_HOME={tmp_path / 'state'}" in done.stdout
    assert "AWS_CA_BUNDLE=/etc/ours.pem" in done.stdout
    for secret in (environment[f"{ENV_PREFIX}API_KEY"], "secret"):
        assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_watch(p4books: Run, kind: str) -> None:
    """With channels to notify, a second line or unit watches; an alert that fires is no failure."""
    address = "https://hooks.example.com/secret"

    done = p4books(
        *("schedule", "--kind", kind), notify=f'[{{"kind": "webhook", "url": "{address}"}}]'
    )

    assert " watch" in done.stdout
    assert ("0|1|75)" if kind == "cron" else "SuccessExitStatus=1 75\n") in done.stdout
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("systemd", ["p4books-failure.service", "p4books.service", "p4books.timer"]),
        ("github", ["ci.yml"]),
    ],
)
def test_files(p4books: Run, tmp_path: Path, kind: str, names: list[str]) -> None:
    """With -o the files are written instead, and named."""
    output = Path("new") if kind == "systemd" else Path("new/ci.yml")

    done = p4books("schedule", "--kind", kind, "-o", str(output))

    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    assert done.stdout.splitlines()[0].startswith("Wrote new/")


@pytest.mark.parametrize(
    ("words", "settings", "why"),
    [
        (["--kind", "cron"], {"tenant": ""}, "No tenant is configured"),
        (["--kind", "cron", "--every", "7m"], {}, "the nearest are 6m and 10m"),
        (["--kind", "cron", "--every", "often"], {}, "--every: 'often' is not a duration"),
        (["--kind", "cron", "--mail-to", "a\nb"], {}, "not an address for mails"),
        (["--kind", "github"], {"data_dir": "/srv/books"}, "not below"),
    ],
)
def test_wrong_use(p4books: Run, words: list[str], settings: dict[str, str], why: str) -> None:
    """What cannot be scheduled is one sentence, with 2."""
    done = p4books("schedule", *words, **settings)

    assert done.returncode == 2
    assert_one_sentence(done, why)
