"""A way to a catalog on which the answer to a commit is lost."""

import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event, Thread
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from p4books.settings import Settings

_CHANGE = re.compile(rb"\bINSERT INTO\b")
_COMMIT = re.compile(rb"\bCOMMIT\b")
_SECONDS = 0.2  # in which the server commits


class CutCatalog:
    """A server between us and Postgres, cut off once the commit of a change is on its way to it."""

    def __init__(self, catalog: SecretStr) -> None:
        self._words = conninfo_to_dict(catalog.get_secret_value())
        self._armed = Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to listen."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def change_settings(self, settings: Settings) -> Settings:
        """Return settings that lead to the catalog through this server."""
        assert settings.lake is not None
        port = self._server.getsockname()[1]
        catalog = make_conninfo(**{**self._words, "port": port, "sslmode": "disable"})
        lake = replace(settings.lake, catalog=SecretStr(catalog))
        return settings.model_copy(update={"lake": lake})

    def arm(self) -> bool:
        """Cut the next commit of a change off, not one that ends a transaction which only read."""
        self._armed.set()
        return True

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                target = (str(self._words["host"]), int(self._words["port"] or 0))
                postgres = socket.create_connection(target)
                cut = Event()
                _start(self._pass_questions, client, postgres, cut)
                _start(self._pass_answers, client, postgres, cut)

    def _pass_questions(self, client: socket.socket, postgres: socket.socket, cut: Event) -> None:
        with postgres, suppress(OSError):
            has_changed = False
            while data := client.recv(1 << 16):
                has_changed |= self._armed.is_set() and _CHANGE.search(data) is not None
                if has_changed and _COMMIT.search(data):
                    self._armed.clear()
                    cut.set()
                postgres.sendall(data)
                if cut.is_set():
                    time.sleep(_SECONDS)
                    return

    def _pass_answers(self, client: socket.socket, postgres: socket.socket, cut: Event) -> None:
        with client, suppress(OSError):
            while (data := postgres.recv(1 << 16)) and not cut.is_set():
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


def _start(work: Callable[..., None], *values: object) -> None:
    Thread(target=work, args=values, daemon=True).start()
