"""Delivery of files into folders of other people."""

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.conftest import Files

from p4books.publish.deliver import Delivered, deliver_published
from p4books.settings import DELIVERY_KINDS, Delivery, Settings, validate_settings
from p4books.storage.files import name_copy, scratch_dir
from p4books.storage.run_log import PublishedRecord, RunLog

VENDORS = (
    "-- One row per vendor.\n-- key: id\n"
    "select id, any_value(name) as name from raw.vendors group by id"
)
NAMES = "-- One row per name.\n-- key: name\nselect distinct name from raw.vendors"
BOTH = ("acme.reporting.names.csv", "acme.reporting.vendors.csv")


@pytest.fixture(scope="module")
def small_file(publish_shared: Files) -> Path:
    """A published file with two reports, which says what it is made of."""
    file = Path(publish_shared(reporting__vendors=VENDORS, reporting__names=NAMES))
    with duckdb.connect(file) as con:
        con.execute("alter table about add column made_of varchar default 'a'")
    return file


@dataclass
class Office:
    """A tenant whose files are delivered to a folder."""

    settings: Settings
    share: Path
    published: int = 0

    def publish(self, made_of: str = "a") -> None:
        """Publish once more, with other books if `made_of` is new."""
        with duckdb.connect(self.settings.published) as con:
            con.execute("update about set made_of = ?", [made_of])
        self.published += 1
        record = PublishedRecord("mark", f"digest {self.published}", "access")
        RunLog(self.settings.run_log).save_published(record)

    def deliver(self, **changes: Any) -> Delivered:
        """Deliver as a run does, with other values in the setting."""
        deliver = tuple(replace(each, **changes) for each in self.settings.deliver)
        settings = self.settings.model_copy(update={"deliver": deliver})
        with scratch_dir(self.settings.work) as scratch:
            return deliver_published(settings, scratch)

    def names(self) -> list[str]:
        """Return the names of all files of the share."""
        return sorted(path.name for path in self.share.iterdir())


@pytest.fixture
def make_office(small_file: Path, tmp_path: Path) -> Callable[..., Office]:
    """Make an office with published books and a share, to which `kind` is delivered."""

    def make(kind: str = "csv", **options: Any) -> Office:
        share = tmp_path / "share"
        share.mkdir()
        values = {"tenant": "acme", "data_dir": tmp_path / "data"}
        settings = validate_settings({**values, "deliver": [Delivery(kind, share, **options)]})
        settings.private.mkdir(parents=True)
        shutil.copy(small_file, settings.published)
        office = Office(settings, share)
        office.publish()
        return office

    return make


def test_once(make_office: Callable[..., Office]) -> None:
    """Files are delivered when the books changed, or are missing, and otherwise left alone."""
    office = make_office()

    assert office.deliver().files == tuple(str(office.share / name) for name in BOTH)
    before = {name: (office.share / name).stat().st_ino for name in BOTH}
    assert office.deliver() == Delivered()
    office.publish()  # the same books
    assert office.deliver() == Delivered()
    assert {name: (office.share / name).stat().st_ino for name in BOTH} == before
    office.publish("b")
    assert len(office.deliver().files) == 2
    (office.share / BOTH[0]).unlink()
    assert len(office.deliver().files) == 2
    assert office.names() == [*BOTH]


def test_another_setting(make_office: Callable[..., Office]) -> None:
    """Another language or format, and back again, is delivered at once, into the same files."""
    office = make_office("excel-csv")
    office.deliver()

    for changes in ({"lang": "es"}, {"kind": "csv"}, {}):
        assert len(office.deliver(**changes).files) == 2
        assert office.names() == [*BOTH]
    assert (office.share / BOTH[1]).read_bytes().startswith(b"\xef\xbb\xbf")


def test_before_anything_is_published(tmp_path: Path) -> None:
    """Without a published file there is nothing to deliver, which is no error."""
    deliver = [Delivery("csv", tmp_path / "gone")]
    settings = validate_settings({"tenant": "acme", "data_dir": tmp_path, "deliver": deliver})

    assert deliver_published(settings, tmp_path) == Delivered()


def test_group_and_mode_of_the_folder(make_office: Callable[..., Office]) -> None:
    """The files have the group and the mode of the folder, whatever the umask is."""
    office = make_office()
    other = next((g for g in os.getgroups() if g != os.getegid()), 12345)
    group = other if os.geteuid() == 0 or other in os.getgroups() else os.getegid()
    os.chown(office.share, -1, group)
    office.share.chmod(0o2770)
    umask = os.umask(0o077)
    try:
        office.deliver()
    finally:
        os.umask(umask)

    found = [(office.share / name).stat() for name in BOTH]
    assert [(stat.S_IMODE(each.st_mode), each.st_gid) for each in found] == [(0o660, group)] * 2


def test_folder_that_was_away(make_office: Callable[..., Office]) -> None:
    """A missing folder is not made, but an error; when it is there again it comes up to date."""
    office = make_office()
    office.deliver()
    away = office.share.rename(office.share.with_name("away"))
    office.publish("b")

    (fault,) = office.deliver().faults
    assert str(fault) == (
        f"Delivery of csv to {office.share} failed: {office.share}: No such file or directory. "
        "What was loaded is published, and each file there is the last one or the new one. The "
        "next run delivers again."
    )
    assert not office.share.exists()
    away.rename(office.share)
    assert len(office.deliver().files) == 2


def test_other_file_system_in_its_place(make_office: Callable[..., Office]) -> None:
    """A folder that another one has taken the place of is filled, though its files are there."""
    office = make_office()
    office.deliver()
    shutil.copytree(office.share, office.share.with_name("copy"))
    shutil.rmtree(office.share)
    office.share.with_name("copy").rename(office.share)

    assert len(office.deliver().files) == 2


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("file", "share/note.txt: it is not a folder."),
        ("/proc", "/proc/acme.reporting.names.csv: "),  # nobody may make files there
    ],
)
def test_folder_that_cannot_be_written(
    make_office: Callable[..., Office], place: str, why: str
) -> None:
    """A folder that is a file, or in which no file can be made, is an error in a sentence."""
    office = make_office()
    (office.share / "note.txt").write_text("mine")
    to = office.share / "note.txt" if place == "file" else Path(place)

    (fault,) = office.deliver(to=to).faults

    assert why in str(fault)
    assert office.names() == ["note.txt"]


def test_interrupted(make_office: Callable[..., Office]) -> None:
    """A delivery that ended in the middle leaves whole files, and the next run finishes it, and
    removes what the dead one left, although the books did not change."""
    office = make_office()
    office.deliver()
    second = office.share / BOTH[1]
    second.unlink()
    second.mkdir()  # so that only the first file can be replaced
    name_copy(office.share / BOTH[0]).write_text("half")
    office.publish("b")

    (fault,) = office.deliver().faults
    assert f"{second}: it is a folder." in str(fault)
    assert (office.share / BOTH[0]).read_text().startswith("name\n")
    second.rmdir()
    name_copy(second).write_text("half")
    assert len(office.deliver().files) == 2
    assert office.names() == [*BOTH]


def test_one_of_two_fails(make_office: Callable[..., Office]) -> None:
    """A model that there is not is an error; what else is to be delivered is delivered."""
    office = make_office()
    wrong = replace(office.settings.deliver[0], models=("vendrs",), kind="parquet")
    deliver = (wrong, *office.settings.deliver)
    office.settings = office.settings.model_copy(update={"deliver": deliver})

    done = office.deliver()

    assert len(done.files) == 2
    assert [str(fault).partition(" Did")[0] for fault in done.faults] == [
        f"Delivery of parquet to {office.share} failed: Unknown model 'vendrs'."
    ]
    assert office.names() == [*BOTH]


def test_old_files(make_office: Callable[..., Office]) -> None:
    """A file of a model that there is no more does not stay as if it were current; others do."""
    office = make_office()
    office.deliver()
    (office.share / "mine.csv").write_text("mine")
    with duckdb.connect(office.settings.published) as con:
        con.execute("delete from main.catalogue where model = 'names'")
    office.publish("b")

    assert office.deliver().files == (str(office.share / BOTH[1]),)
    assert office.names() == [BOTH[1], "mine.csv"]


def test_every_kind_has_a_writer() -> None:
    """What the setting accepts is what can be written."""
    from p4books.publish.deliver import _WRITERS  # noqa: PLC0415 - of this test only

    assert set(_WRITERS) == set(DELIVERY_KINDS)
