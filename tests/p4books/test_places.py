"""Where do settings stand?"""

from pathlib import Path
from typing import Any

import pytest

from p4books.errors import SettingsError
from p4books.settings import ENV_PREFIX, collect_settings

SECRET = "k-3f9a7c"  # noqa: S105 - of nothing

Env = pytest.MonkeyPatch


def _found(tenant: str | None = None, *, known_only: bool = True) -> dict[str, Any]:
    return collect_settings(Path.cwd(), tenant, known_only=known_only)


def _toml(name: str, text: str) -> None:
    folder = Path(".dlt")
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def _secrets(text: str) -> None:
    _toml("secrets.toml", text)


def _config(text: str) -> None:
    _toml("config.toml", text)


def test_nothing_set() -> None:
    """Without any place there are no settings, and that is no error."""
    assert _found() == {}


def test_first_place_wins(monkeypatch: Env) -> None:
    """The environment goes before .env, that before secrets.toml, that before config.toml."""
    places = []

    _config("[sources.p4books]\npage_size = 1\ntenant = 'config'")
    places.append(_found()["page_size"])
    _secrets("[sources.p4books]\npage_size = 2")
    places.append(_found()["page_size"])
    Path(".env").write_text(f"{ENV_PREFIX}PAGE_SIZE=3\n")
    places.append(_found()["page_size"])
    monkeypatch.setenv(f"{ENV_PREFIX}PAGE_SIZE", "4")
    places.append(_found()["page_size"])

    assert places == [1, 2, "3", "4"]
    assert _found()["tenant"] == "config"


def test_case_of_variables(monkeypatch: Env) -> None:
    """A variable may be written in lower case."""
    monkeypatch.setenv(f"{ENV_PREFIX}page_size".lower(), "7")

    assert _found() == {"page_size": "7"}


def test_empty_variable(monkeypatch: Env) -> None:
    """A variable without a value says nothing: the next place is asked."""
    _secrets(f"[sources.p4books]\napi_key = '{SECRET}'")
    Path(".env").write_text(f"{ENV_PREFIX}API_KEY=\n{ENV_PREFIX}TENANT\n")
    monkeypatch.setenv(f"{ENV_PREFIX}API_KEY", "")

    assert _found() == {"api_key": SECRET}


def test_env_file_takes_text_as_it_is() -> None:
    """In .env a dollar is a dollar, quotes are left out and an export is understood."""
    Path(".env").write_text(f"export {ENV_PREFIX}API_KEY='a$B-${{C}}'\n# a word\n")

    assert _found() == {"api_key": "a$B-${C}"}


def test_env_file_of_windows() -> None:
    """A byte order mark before the first name does not hide it."""
    Path(".env").write_bytes(f"{ENV_PREFIX}TENANT=acme\r\n".encode("utf-8-sig"))

    assert _found() == {"tenant": "acme"}


def test_env_that_is_a_folder() -> None:
    """A folder named .env, as some virtual environments are, holds no settings."""
    Path(".env").mkdir()

    assert _found() == {}


def test_other_sources_tables() -> None:
    """Tables of other sources, and words where a table should be, are not ours."""
    _secrets("[sources.other]\nx = 1")
    _config("sources = 5")

    assert _found() == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".dlt/secrets.toml", f"[sources.p4books]\napi_key = '{SECRET}".encode()),
        (".dlt/config.toml", f'[sources.p4books\napi_key = "{SECRET}"'.encode()),
        (".dlt/secrets.toml", f"[sources.p4books]\napi_key = '{SECRET}\xe9'".encode("latin-1")),
        (".env", f"{ENV_PREFIX}API_KEY={SECRET}\xe9".encode("latin-1")),
    ],
)
def test_broken_file(name: str, text: bytes) -> None:
    """A file that can't be read is named, with the reason, and what stands in it is not shown."""
    Path(".dlt").mkdir()
    Path(name).write_bytes(text)

    with pytest.raises(SettingsError, match=r"cannot be read: .* Nothing was done\.") as error:
        _found()

    assert name in str(error.value)
    assert SECRET not in str(error.value)


TENANTS = f"""
[sources.p4books]
page_size = 10
[sources.p4books.tenants.acme]
api_key = "{SECRET}"
page_size = 20
[sources.p4books.tenants.beta]
"""


def test_tenant_table(monkeypatch: Env) -> None:
    """The chosen tenant's own table goes before every place, the environment too."""
    _secrets(TENANTS)
    monkeypatch.setenv(f"{ENV_PREFIX}PAGE_SIZE", "30")

    assert _found("acme") == {"tenant": "acme", "api_key": SECRET, "page_size": 20}
    assert _found("beta") == {"tenant": "beta", "page_size": "30"}


def test_tenant_by_variables(monkeypatch: Env) -> None:
    """A tenant's table may come from variables, and mixes with that of a file of any case."""
    _secrets(f"[sources.p4books.tenants.Acme]\napi_key = '{SECRET}'")
    monkeypatch.setenv(f"{ENV_PREFIX}TENANTS__ACME__PAGE_SIZE", "5")

    assert _found("acme") == {"tenant": "acme", "api_key": SECRET, "page_size": "5"}


def test_tenant_not_chosen() -> None:
    """With several tenants and none chosen, all are offered."""
    _secrets(TENANTS)

    with pytest.raises(SettingsError, match=r"choose one: --tenant acme \| beta\."):
        _found()


def test_usual_tenant() -> None:
    """A tenant that is set is the one when none is chosen."""
    _secrets("[sources.p4books]\ntenant = 'beta'\n" + TENANTS.replace("[sources.p4books]\n", ""))

    assert _found() == {"tenant": "beta", "page_size": 10}


@pytest.mark.parametrize(
    ("word", "end"),
    [("acne", "did you mean acme?"), ("zzz", "known are acme, beta.")],
)
def test_unknown_tenant(word: str, end: str) -> None:
    """A tenant without a table is refused, with the nearest that is known, or all."""
    _secrets(TENANTS)

    with pytest.raises(SettingsError) as error:
        _found(word)

    assert str(error.value) == f"There is no tenant {word} in the settings; {end}"


def test_unknown_tenant_of_none() -> None:
    """Where no tenant is set at all the sentence still ends."""
    with pytest.raises(SettingsError, match=r"There is no tenant acme in the settings; none is"):
        _found("acme")


@pytest.mark.parametrize("known_only", [True, False])
def test_key_of_another(known_only: bool) -> None:
    """A tenant without a key of its own never gets the usual tenant's key."""
    _secrets(
        f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'\n[sources.p4books.tenants.beta]"
    )

    assert _found("acme")["api_key"] == SECRET
    assert _found("beta", known_only=known_only) == {"tenant": "beta"}


def test_key_of_another_for_a_reader() -> None:
    """A reader may name any tenant, but no key comes with a tenant that is not set."""
    _secrets(f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'")

    assert _found("gamma", known_only=False) == {"tenant": "gamma"}


@pytest.mark.parametrize(
    "text",
    [f"[sources.p4books]\ntenants = '{SECRET}'", f"[sources.p4books.tenants]\nacme = '{SECRET}'"],
)
def test_tenants_that_are_no_tables(text: str) -> None:
    """A word where a tenant's table should be is said so, and not shown."""
    _secrets(text)

    with pytest.raises(SettingsError, match=r"\[sources\.p4books\.tenants\.NAME\]") as error:
        _found("acme")

    assert SECRET not in str(error.value)


def test_variable_within_a_variable(monkeypatch: Env) -> None:
    """A variable that makes a table of another does not break the reading."""
    monkeypatch.setenv(f"{ENV_PREFIX}API_KEY", SECRET)
    monkeypatch.setenv(f"{ENV_PREFIX}API_KEY__MORE", "x")

    assert set(_found()) == {"api_key"}
