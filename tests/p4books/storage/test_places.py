"""Places for files: a folder and an S3 do the same."""

import socket
import stat
from pathlib import Path

import pytest
from tests.s3 import SECRET

from p4books.errors import UsageError
from p4books.storage.places import PlaceTrouble, describe_failure, open_place

LEFT = "Nothing else was changed."


@pytest.fixture(params=["folder", "s3"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The path of a folder that does not exist yet, or the URL of one in a bucket."""
    if request.param == "folder":
        return str(tmp_path / "not" / "there")
    return f"{request.getfixturevalue('s3')}/{tmp_path.name}"


def test_files(location: str) -> None:
    """What is written is listed and read as it was, and gone when it is deleted."""
    place = open_place(location, LEFT)
    assert place.list_folders("acme") == {}

    place.write("acme/one", "large.bin", [b"x" * 3_000_000] * 3)
    place.write("acme/one", "small.txt", [b"before"])
    place.write("acme/one", "small.txt", [b"after"])
    place.write("acme/two", "empty", [])

    files = {"large.bin": 9_000_000, "small.txt": 5}
    assert place.list_folders("acme") == {"one": files, "two": {"empty": 0}}
    assert place.list_files("acme/one") == files
    assert b"".join(place.open("acme/one", "small.txt")) == b"after"
    assert sum(len(chunk) for chunk in place.open("acme/one", "large.bin")) == 9_000_000
    place.delete("acme/one", ["large.bin", "small.txt", "never"])
    assert place.list_folders("acme") == {"two": {"empty": 0}}
    assert place.locate("acme", "two") == f"{location}/acme/two"


def test_only_the_owner_reads(tmp_path: Path) -> None:
    """Folders and files of a backup are their owner's alone."""
    open_place(str(tmp_path / "out"), LEFT).write("acme/one", "file", [b"x"])

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*")}
    assert modes == {0o600, 0o700}


def test_others_files_stay(tmp_path: Path) -> None:
    """A folder in which there is something else is not deleted."""
    place = open_place(str(tmp_path), LEFT)
    place.write("acme/one", "ours", [b"x"])
    place.write("acme/one", "theirs", [b"x"])

    place.delete("acme/one", ["ours"])

    assert place.list_files("acme/one") == {"theirs": 1}


def test_no_bucket(s3: str) -> None:
    """A bucket that does not exist is named in one sentence, without the secret."""
    with pytest.raises(PlaceTrouble, match="bucket does not exist") as failure:
        open_place("s3://other/p4books", LEFT).write("acme/one", "file", [b"x"])
    assert SECRET not in str(failure.value)


def test_nobody_answers(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that cannot be reached is an error, not a wait for minutes."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(PlaceTrouble, match="Could not connect"):
            open_place(s3, LEFT).list_folders("acme")


def test_login_in_address(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address with a password, which nobody uses, is refused without it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://me:s3cr3t@minio.example")
    with pytest.raises(UsageError, match="AWS_ENDPOINT_URL has a user or a password") as error:
        open_place(s3, LEFT)
    assert "s3cr3t" not in str(error.value)


def test_no_credentials_in_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a storage says, credentials of the environment or of a URL are not repeated."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")

    failure = describe_failure(OSError("a-token refused at https://user:pw@host/x\nmore"))

    assert failure == "… refused at https://…@host/x"


def test_no_part_of_a_credential_in_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a credential that another one begins with, nor the end of the line shows a part."""
    monkeypatch.setenv("A_SECRET", "walnut")
    monkeypatch.setenv("B_SECRET", "walnut-tree")

    assert describe_failure(OSError("walnut-tree or walnut")) == "… or …"
    assert describe_failure(OSError("x" * 295 + " walnut-tree")) == "x" * 295 + " …"
