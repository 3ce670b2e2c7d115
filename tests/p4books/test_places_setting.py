"""Places of files in the settings `home`, `lake`, `backup_to`, `deliver` and `data_dir`."""

from pathlib import Path

import pytest

from p4books.errors import SettingsError
from p4books.settings import Settings, check_place, is_url, load_settings

PLACES = {
    "home": 'home = "{}"\n[sources.p4books.lake]\ncatalog = "postgres:host=db"\n',
    "backup_to": 'backup_to = "{}"\n',
    "data_dir": 'data_dir = "{}"\n',
    "deliver": 'deliver = [{{kind = "page", to = "{}"}}]\n',
    "lake": '[sources.p4books.lake]\ncatalog = "postgres:host=db"\nstorage = "{}"\n',
}


def load(root: Path, setting: str, place: str) -> Settings:
    """Load the settings of a project in which one names a place."""
    (root / ".dlt").mkdir(exist_ok=True)
    text = f'[sources.p4books]\ntenant = "acme"\n{PLACES[setting].format(place)}'
    (root / ".dlt" / "config.toml").write_text(text, encoding="utf-8")
    return load_settings(None, root, need_key=False)


def find(settings: Settings, setting: str) -> str:
    """Return the place that a setting leads to."""
    if settings.lake and settings.lake.storage:
        return settings.lake.storage
    return str(settings.deliver[0].to if settings.deliver else getattr(settings, setting))


@pytest.mark.parametrize("setting", PLACES)
@pytest.mark.parametrize("place", ["s3:/bucket/pass-word", "s3:pass-word", "file:/pass-word"])
def test_a_slash_is_missing(tmp_path: Path, setting: str, place: str) -> None:
    """What begins like a URL is not the name of a folder; one sentence says so, without it."""
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, setting, place)

    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"The setting {setting} is invalid: ")
    assert "it must be a folder" in line
    assert "pass-word" not in line


@pytest.mark.parametrize("setting", ["data_dir", "deliver"])
def test_folders_only(tmp_path: Path, setting: str) -> None:
    """A URL is refused where files go into a folder of this machine."""
    with pytest.raises(SettingsError, match="it must be a folder, not a URL;"):
        load(tmp_path, setting, "s3://bucket/books")


@pytest.mark.parametrize("setting", PLACES)
@pytest.mark.parametrize(
    "place", ["of the office", "a/s3:/b", "2026:11", "/srv/a:b/c://d", "~/x:y"]
)
def test_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, place: str) -> None:
    """A folder may have a colon in its path."""
    monkeypatch.setenv("HOME", "/home/ana")
    expected = place.replace("~", "/home/ana")

    found = find(load(tmp_path, setting, place), setting)

    assert found == str(tmp_path / expected)
    assert not is_url(found)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("s3://bucket/a/", "s3://bucket/a"),
        ("file:///srv/a%20b", "/srv/a b"),
        ("file://localhost/srv", "/srv"),
    ],
)
def test_url(place: str, expected: str) -> None:
    """A file:// URL is the folder itself, a URL has no slash at its end."""
    assert check_place(place) == expected


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("nothing://bucket/folder", "of an S3-compatible storage"),
        ("memory://x", "of an S3-compatible storage"),
        ("S3://bucket", "of an S3-compatible storage"),
        ("https://u:pw@host/x", "must not contain a user, a password"),
        ("s3:///pw", "must be like s3://BUCKET/FOLDER"),
        ("file://pw/x", "must be like file:///FOLDER"),
    ],
)
def test_other_url(place: str, says: str) -> None:
    """A place that cannot keep files is refused, without what it says of secrets."""
    with pytest.raises(ValueError, match=says) as raised:
        check_place(place)
    assert "pw" not in str(raised.value)
