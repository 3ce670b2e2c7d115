"""Settings `lake` and `home`."""

from datetime import timedelta
from pathlib import Path

import pytest

from p4books.errors import SettingsError
from p4books.settings import Lake, Settings, load_settings

SECRET = "correct-horse"  # noqa: S105 - opens nothing
CATALOG = f"postgres:host=db dbname=lake password={SECRET}"


def load(root: Path, table: str = "", tenant: str = "", home: str = "") -> Settings:
    """Load the settings of a project with this table for all, and that of one tenant."""
    (root / ".dlt").mkdir()
    (root / ".dlt" / "config.toml").write_text(
        f"[sources.p4books]\ntenant = 'acme'\n{home}\n[sources.p4books.lake]\n{table}\n"
        f"[sources.p4books.tenants.acme.lake]\n{tenant}\n",
        encoding="utf-8",
    )
    return load_settings(None, root, need_key=False)


def get_lake(settings: Settings) -> Lake:
    """Return the lake of settings that have one."""
    assert settings.lake is not None
    return settings.lake


def test_lake(tmp_path: Path) -> None:
    """The catalog is what libpq takes, a relative folder is in that of the settings."""
    settings = load(tmp_path, f"catalog = '{CATALOG}'\nstorage = 'lake'\nkeep = '30d'")
    lake = get_lake(settings)

    assert lake.catalog.get_secret_value() == CATALOG.removeprefix("postgres:")
    assert (lake.storage, lake.keep) == (str(tmp_path / "lake"), timedelta(days=30))
    assert SECRET not in f"{lake}{lake!r}{settings!r}"


def test_of_one_tenant(tmp_path: Path) -> None:
    """A tenant's own table changes what it names, the rest is that of all."""
    lake = get_lake(
        load(tmp_path, f"catalog = '{CATALOG}'\nstorage = 's3://all'", "storage = 's3://a/'")
    )

    assert (lake.catalog.get_secret_value()[:7], lake.storage) == ("host=db", "s3://a")


def test_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key is a variable, so that the password need not be in a file; a URL stays as it is."""
    monkeypatch.setenv("SOURCES__P4BOOKS__LAKE__CATALOG", " postgresql://me@db/lake ")
    settings = load(tmp_path, "storage = 's3://lake'", home="home = 'state'")

    assert get_lake(settings).catalog.get_secret_value() == "postgresql://me@db/lake"
    assert settings.home == str(tmp_path / "state")


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "/lake",
        "me:a%40b%2F?#:c@db:5432/lake?sslmode=require&sslrootcert=/etc/ca.pem",
        "me:12345@db:65535/lake",
        "me@one:5432,two,[::1]:5434/lake?target_session_attrs=read-write",
        "%2Fvar%2Frun/lake",
    ],
)
def test_url(tmp_path: Path, rest: str) -> None:
    """What libpq reads in one way is taken as it is."""
    url = f"postgresql://{rest}"

    assert get_lake(load(tmp_path, f"catalog = '{url}'")).catalog.get_secret_value() == url


def test_none(tmp_path: Path) -> None:
    """Without the table, or with an empty one, there is no lake."""
    settings = load(tmp_path, "catalog = ''")

    assert (settings.lake, settings.home) == (None, None)


PROBLEMS = {
    "no catalog": ("storage = '/a'", "catalog is missing, such as postgres:host=db.example.com"),
    "other catalog": (
        f"catalog = 'mysql:password={SECRET}'",
        "catalog must begin with postgres:",
    ),
    "@ in a password": (
        f"catalog = 'postgresql://me:a@{SECRET}/b@db:5432/lake'",
        "catalog must be like postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a user",
    ),
    "/ in a password": (
        f"catalog = 'postgres: postgres://me:{SECRET}/b@db/lake'",
        "catalog must be like postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a user",
    ),
    "no host": (f"catalog = 'postgresql://me:{SECRET}'", "catalog must be like postgresql://USER"),
    "no host but a number": (
        "catalog = 'postgresql://me:123456/lake'",
        "catalog must be like postgresql://USER",
    ),
    "number": ("catalog = 5", "catalog must be a text."),
    "key": (f"catalogue = '{CATALOG}'", "Unknown key 'catalogue'. Did you mean 'catalog'?"),
    "duration": (f"catalog = '{CATALOG}'\nkeep = '90'", "keep: '90' is not a duration"),
    "credentials": (
        f"catalog = '{CATALOG}'\nstorage = 's3://key:{SECRET}@b/a'",
        "storage: the URL must not contain a user",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_problem(tmp_path: Path, case: str) -> None:
    """What is wrong is a sentence that names its key and shows no password."""
    table, expected = PROBLEMS[case]

    with pytest.raises(SettingsError) as raised:
        load(tmp_path, table)

    assert f"The setting lake is invalid: {expected}" in str(raised.value)
    assert str(raised.value).endswith("Correct lake under [sources.p4books] in .dlt/config.toml.")
    assert SECRET not in str(raised.value)


def test_home_without_catalog(tmp_path: Path) -> None:
    """State off the machine needs leases, which are in a Postgres."""
    with pytest.raises(SettingsError, match="The setting home is invalid: it needs a Postgres"):
        load(tmp_path, home="home = 's3://bucket/state'")
