"""Places for files off this disk: a folder, or an object storage that fsspec can open.

Below a place each tenant has a folder, and in that each backup, say, has one.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from p4books.errors import P4BooksError, UsageError, end_sentence
from p4books.settings import is_url
from p4books.storage.files import sync_path

CHUNK = 4 * 1024**2  # bytes in memory at a time
PART = 32 * 1024**2  # bytes of a part of an upload; an object has at most 10,000

_CREDENTIAL = re.compile(r"KEY|SECRET|TOKEN|PASSWORD")


class PlaceTrouble(P4BooksError):
    """A place cannot be read or written; `left` says what is unchanged."""

    is_transient = True

    def __init__(self, place: str, why: str, left: str) -> None:
        super().__init__(f"{place}: {end_sentence(why)} {left} Fix that, and run it again.")


class Place(Protocol):
    """A folder of folders of files. Its functions raise PlaceTrouble."""

    def locate(self, *names: str) -> str:
        """Return the path or URL of a folder or file."""

    def list_folders(self, folder: str) -> dict[str, dict[str, int]]:
        """Return the folders in a folder with the sizes of their files; none if it is missing."""

    def list_files(self, folder: str) -> dict[str, int]:
        """Return the sizes in bytes of the files of a folder, by name; none if it is missing."""

    def write(self, folder: str, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file; it is on disk when this returns."""

    def open(self, folder: str, name: str) -> Iterator[bytes]:
        """Yield the content of a file."""

    def read(self, folder: str, name: str, start: int, size: int) -> bytes:
        """Return a part of a file; less than `size` bytes if it is shorter or missing."""

    def delete(self, folder: str, names: Iterable[str]) -> None:
        """Delete files of a folder, and the folder if it is empty then."""


def open_place(place: str, left: str, extra: str = "backup") -> Place:
    """Open a folder, or the URL of an S3-compatible storage, as `check_place` returns it.

    `left` says what is unchanged if it fails, `extra` with which packages are installed for a URL.
    Nothing is requested yet. Raises UsageError if a package is missing for it.
    """
    return open_folder(place, left) or RemotePlace(place, left, extra)


def open_folder(place: str, left: str) -> "LocalPlace | None":
    """Open a folder; return None for a URL."""
    return None if is_url(place) else LocalPlace(Path(place), left)


class LocalPlace:
    """A folder that only its owner can read."""

    def __init__(self, root: Path, left: str) -> None:
        self._root = root
        self._left = left

    def locate(self, *names: str) -> str:
        """Return the path of a folder or file."""
        return str(self._root.joinpath(*names))

    def has_folder(self, folder: str) -> bool:
        """Return whether a folder is there."""
        with self._translate_errors():
            return (self._root / folder).is_dir()

    def list_folders(self, folder: str) -> dict[str, dict[str, int]]:
        """Return the folders in a folder with the sizes of their files; none if it is missing."""
        with self._translate_errors():
            if not (self._root / folder).exists():
                return {}
            names = [entry.name for entry in os.scandir(self._root / folder) if entry.is_dir()]
        return {name: self.list_files(f"{folder}/{name}") for name in names}

    def list_files(self, folder: str) -> dict[str, int]:
        """Return the sizes in bytes of the files of a folder, by name; none if it is missing."""
        with self._translate_errors():
            path = self._root / folder
            entries = os.scandir(path) if path.is_dir() else ()
            return {each.name: each.stat().st_size for each in entries if each.is_file()}

    def write(self, folder: str, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file; it is on disk when this returns."""
        path = self._root / folder / name
        with self._translate_errors():
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for above in (path.parent.parent, path.parent):
                above.mkdir(exist_ok=True, mode=0o700)
            part = path.with_name(f".{name}")
            try:
                handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.writelines(chunks)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            for above in (path.parent, path.parent.parent, self._root):
                sync_path(above)

    def open(self, folder: str, name: str) -> Iterator[bytes]:
        """Yield the content of a file."""
        with self._translate_errors(), (self._root / folder / name).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def read(self, folder: str, name: str, start: int, size: int) -> bytes:
        """Return a part of a file; less than `size` bytes if it is shorter or missing."""
        path = self._root / folder / name
        with self._translate_errors():
            if not path.exists():
                return b""
            with path.open("rb") as file:
                file.seek(start)
                return file.read(size)

    def delete(self, folder: str, names: Iterable[str]) -> None:
        """Delete files of a folder, and the folder if it is empty then."""
        path = self._root / folder
        with self._translate_errors():
            for name in names:
                (path / name).unlink(missing_ok=True)
            with suppress(OSError):  # it has files of others
                path.rmdir()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            raise PlaceTrouble(str(self._root), why, self._left) from None


class RemotePlace:
    """A folder of an object storage, such as s3://BUCKET/FOLDER."""

    def __init__(self, url: str, left: str, extra: str) -> None:
        self._url = url
        self._left = left
        self._files = _open_filesystem(url, extra)

    def locate(self, *names: str) -> str:
        """Return the URL of a folder or file."""
        return "/".join([self._url, *filter(None, names)])

    def list_folders(self, folder: str) -> dict[str, dict[str, int]]:
        """Return the folders in a folder with the sizes of their files; none if it is missing."""
        folders: dict[str, dict[str, int]] = {}
        with self._translate_errors():  # one request for a thousand files
            for address, entry in self._files.find(self.locate(folder), detail=True).items():
                *_, name, file = address.split("/")
                folders.setdefault(name, {})[file] = entry["size"]
        return folders

    def list_files(self, folder: str) -> dict[str, int]:
        """Return the sizes in bytes of the files of a folder, by name; none if it is missing."""
        with self._translate_errors():
            try:
                entries = self._files.ls(self.locate(folder), detail=True)
            except FileNotFoundError:
                return {}
            return {_name(each): each["size"] for each in entries if each["type"] == "file"}

    def write(self, folder: str, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file; the storage has all of it when this returns."""
        address = self.locate(folder, name)
        with self._translate_errors(), self._files.open(address, "wb", block_size=PART) as file:
            for chunk in chunks:
                file.write(chunk)

    def open(self, folder: str, name: str) -> Iterator[bytes]:
        """Yield the content of a file."""
        address = self.locate(folder, name)
        with self._translate_errors(), self._files.open(address, "rb", block_size=CHUNK) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def read(self, folder: str, name: str, start: int, size: int) -> bytes:
        """Return a part of a file; less than `size` bytes if it is shorter or missing."""
        with self._translate_errors():
            try:
                address = self.locate(folder, name)
                return bytes(self._files.cat_file(address, start=start, end=start + size))
            except (FileNotFoundError, ValueError):  # the second: it has no byte there
                return b""

    def delete(self, folder: str, names: Iterable[str]) -> None:
        """Delete files of a folder, which exists as long as it has files."""
        with self._translate_errors():
            for name in names:
                with suppress(FileNotFoundError):
                    self._files.rm_file(self.locate(folder, name))

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except P4BooksError:
            raise
        except Exception as error:  # noqa: BLE001 - each storage has errors of its own
            raise PlaceTrouble(self._url, describe_failure(error), self._left) from None


def describe_failure(error: BaseException) -> str:
    """Describe an error of a storage in one line, without any credential of the environment."""
    while not str(error).strip() and error.__cause__ is not None:
        error = error.__cause__
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    named = {value for name, value in os.environ.items() if _CREDENTIAL.search(name.upper())}
    for value in sorted(named, key=len, reverse=True):  # one may be a part of another
        if len(value) > 3:
            text = text.replace(value, "…")
    return re.sub(r"//[^/@\s]+@", "//…@", text)[:300]


def refuse_login(address: str) -> None:
    """Raise UsageError if the address of a storage has a login, which would be in outputs."""
    if "@" in address.partition("://")[2]:
        raise UsageError(
            "The address of the S3 in AWS_ENDPOINT_URL has a user or a password. Nothing was done. "
            "Leave them out, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )


def _open_filesystem(url: str, extra: str) -> Any:
    import fsspec  # noqa: PLC0415 - half a second with what a storage needs

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        refuse_login(os.environ.get(name, ""))
    try:
        return fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"{url} cannot be opened: {describe_failure(error).rstrip('.')}. Nothing was done. "
            f"Install the extra: `pip install 'p4books[{extra}]'`."
        ) from None


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]
