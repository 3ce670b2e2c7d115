"""Plan of a schedule: what is run how often, in which folder, by which program."""

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from p4books.errors import UsageError
from p4books.settings import ConfiguredTenant
from p4books.settings.duration import format_duration

# Variables of the shell that a schedule takes over: none of them has a secret.
KEPT_VARIABLES = (
    *("XDG_STATE_HOME", "TMPDIR"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"),
)
# Exit codes of a command that are no failure: 75 is a run that met another one, and `watch` ends
# with 1 if an alert fires, which it has sent.
HARMLESS_CODES = {"sync": (75,), "watch": (1, 75)}
WATCH_EVERY = timedelta(minutes=30)  # whatever the syncs do: it notices that there is none
_MAIL = re.compile(r"[\w.+-]+(@[\w-]+(\.[\w-]+)*)?", re.ASCII)


@dataclass(frozen=True)
class ScheduleFile:
    """A file of a schedule: its usual name, and its text."""

    name: str
    text: str


@dataclass(frozen=True)
class SchedulePlan:
    """What a schedule runs: the program, in a folder, every so often, for which tenants.

    `options` are those that choose the tenants, `tenants` all their names, and `data` is their
    folder as seen from `folder`. With `watches` there are channels to notify. `environment` are
    variables that the program needs, `mail_to` gets mails if a run fails, None leaves that to the
    scheduler. `intervals` are those that the settings of the tenants say, in minutes.
    """

    every: timedelta
    program: Path
    folder: Path
    tenants: tuple[str, ...]
    options: tuple[str, ...] = ()
    data: str = "data"
    watches: bool = False
    user: str = "root"
    mail_to: str | None = None
    intervals: tuple[float, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of what is scheduled, in files, units and logs."""
        return "-".join(["p4books", *self.options[1:]])

    @property
    def seed(self) -> int:
        """A number that other folders do not share, so that not all run at the same minute."""
        digest = hashlib.sha256(os.fsencode(self.folder) + self.name.encode()).digest()
        return int.from_bytes(digest[:4], "big")

    @property
    def again(self) -> str:
        """The command that prints this schedule, without its kind."""
        options = list(self.options[:2]) if self.options[:1] == ("--tenant",) else []
        if self.mail_to:
            options += ["--mail-to", self.mail_to]
        every = format_duration(self.every)
        return f"p4books schedule --every {every} {shlex.join(options)}".rstrip()

    @property
    def interval_note(self) -> str:
        """A line of comment about the setting sync_interval; empty if it is as scheduled."""
        minutes = self.every.total_seconds() / 60
        if all(each == minutes for each in self.intervals):
            return ""
        return (
            f"# Set sync_interval = {minutes:g} (minutes), or status and alerts expect runs at "
            "another interval.\n"
        )


def choose_tenants(
    tenants: Sequence[ConfiguredTenant], default: str | None, chosen: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the options that choose the tenants to schedule, and the names of these.

    All that are configured, unless one is `chosen`; a single one needs no option if it is the
    `default`. Raises UsageError if there is none.
    """
    if chosen:
        return ("--tenant", chosen), (chosen,)
    names = tuple(tenant.name for tenant in tenants)
    if not names:
        raise UsageError(
            "No tenant is configured, so there is nothing to schedule. Put SOURCES__P4BOOKS__TENANT"
            "=… into .env (see .env.example)."
        )
    if len(names) > 1:
        return ("--all",), names
    return (() if default == names[0] else ("--tenant", names[0])), names


def find_program() -> Path:
    """Return the absolute path of the command that is running. Raises UsageError."""
    candidates = (Path(sys.executable).with_name("p4books"), Path(sys.argv[0]).absolute())
    for path in candidates:
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise UsageError("The program p4books was not found beside Python; install it with pip first.")


def place_data(data_dir: Path, folder: Path) -> str:
    """Return the folder of the files as seen from that of the settings. Raises UsageError."""
    data, above = data_dir.resolve(), folder.resolve()
    if data == above or not data.is_relative_to(above):
        raise UsageError(
            f"The folder of the files, {data}, is not below {above}, so that a CI cannot keep it "
            "between runs. Set data_dir to a folder below."
        )
    return str(data.relative_to(above))


def check_text(*texts: str | None) -> None:
    """Raise UsageError if a path has a sign that no schedule can have, such as a line end."""
    for text in filter(None, texts):
        if not text.isprintable():
            raise UsageError(
                f"{text!r} has a sign that a schedule cannot have, such as a line end. Rename it."
            )


def check_mail(address: str | None) -> str | None:
    """Return an address for mails, or None. Raises UsageError if it is none."""
    if address is not None and not _MAIL.fullmatch(address):
        raise UsageError(f"{address!r} is not an address for mails, such as ops@example.com.")
    return address
