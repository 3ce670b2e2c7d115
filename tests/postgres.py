"""A Postgres server on this machine, which can be killed and started again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from pydantic import SecretStr

USER, PASSWORD = "p4books", "example-password-of-postgres"
_OPTIONS = {
    "fsync": "off",  # a kill of the server loses nothing all the same, only one of the machine
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "16MB",
    "unix_socket_directories": "",
}
_START_SECONDS = 30


class PostgresServer:
    """A server with a superuser, in a folder of its own, on a port that stays the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._port = _find_free_port()
        self._databases = 0
        self._make_cluster()
        self.start()

    @property
    def number(self) -> int:
        """The number of the process that started all others of the server."""
        return self._process.pid

    def make_catalog(self) -> SecretStr:
        """Create an empty database, and return the words by which libpq finds it."""
        self._databases += 1
        name = f"lake_{self._databases}"
        self.execute(f"create database {name}")
        return SecretStr(self._describe(name))

    def execute(self, sql: str) -> None:
        """Run a statement outside of a transaction, in the database of the server itself."""
        with psycopg.connect(self._describe("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_find_program("postgres"), "-D", self._data, f"--port={self._port}", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=_find_user(),
                start_new_session=True,
            )
        self._wait()

    def kill(self) -> None:
        """Kill the server and all its processes with SIGKILL."""
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        for each in (number, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """Kill the server with SIGKILL and start it again."""
        self.kill()
        self.start()

    def _describe(self, database: str) -> str:
        return f"host=127.0.0.1 port={self._port} dbname={database} user={USER} password={PASSWORD}"

    def _make_cluster(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if user := _find_user():
            for path in (self._folder, password):
                shutil.chown(path, user)
        subprocess.run(
            [
                *(_find_program("initdb"), "-D", self._data, "-U", USER, f"--pwfile={password}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            cwd="/",
            user=user,
            check=True,
            capture_output=True,
        )

    def _wait(self) -> None:
        for _ in range(_START_SECONDS * 20):
            with suppress(psycopg.OperationalError):
                self.execute("select 1")
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError((self._folder / "server.log").read_text()[-2000:])


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a server in a folder for temporary files, which only its user can read."""
    folder = Path(tempfile.mkdtemp(prefix="p4books-postgres-"))
    try:
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_user() -> str | None:
    """Return the user that the server needs because it refuses to run as root; None if not root."""
    if os.getuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    raise RuntimeError("There is no user postgres: run `make system`")


def _find_program(name: str) -> str:
    """Return a program of the server, which Debian keeps out of the PATH."""
    newest_last = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    program = shutil.which(name) or next(reversed(newest_last), None)
    if program is None:
        raise RuntimeError(f"There is no {name}: run `make system`")
    return str(program)


def _find_free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
