"""Settings: where they are looked up, their types, defaults and validation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from p4books.endpoints import ENDPOINTS
from p4books.errors import SettingsError
from p4books.settings import (
    ENV_PREFIX,
    Settings,
    collect_settings,
    load_settings,
    project_root,
    read_sources,
)
from p4books.spelling import clean_name
from p4books.transform.models import LAYERS, SEEDS_SCHEMA

SECRET = "k-3f9a7c"  # noqa: S105 - of nothing

Env = pytest.MonkeyPatch


def _set(monkeypatch: Env, **values: str) -> None:
    for name, value in {"tenant": "acme", "api_key": SECRET, **values}.items():
        monkeypatch.setenv(ENV_PREFIX + name.upper(), value)


def _validate(**values: Any) -> Settings:
    return Settings.model_validate({"tenant": "acme", "api_key": SECRET, **values})


def _errors(**values: Any) -> str:
    with pytest.raises(ValidationError) as error:
        _validate(**values)
    return str(error.value.errors(include_url=False, include_input=False))


def test_defaults(monkeypatch: Env) -> None:
    """Only a tenant and a key must be set; the rest has the documented defaults."""
    _set(monkeypatch)

    settings = load_settings()

    assert settings.address == "https://acme.p4books.com/api/v1"
    assert settings.key == SECRET
    assert settings.endpoints == tuple(ENDPOINTS)
    assert (settings.requests_per_window, settings.window_seconds, settings.page_size) == (
        90,
        60,
        100,
    )
    assert (settings.timezone, settings.currency) == ("America/Panama", "USD")
    assert (settings.published_mode, settings.export_mode) == (0o440, 0o640)


@pytest.mark.parametrize("missing", ["tenant", "api_key"])
def test_missing_setting(missing: str, monkeypatch: Env) -> None:
    """A missing setting is named, and where to set it."""
    _set(monkeypatch, **{missing: ""})

    with pytest.raises(SettingsError) as error:
        load_settings()

    variable = ENV_PREFIX + missing.upper()
    assert str(error.value) == (
        f"The setting {missing} is missing. Add {variable}=… to .env (see .env.example)."
    )


@pytest.mark.parametrize("file", ["acme.duckdb", "acme-asof-2026-10-31.duckdb", ".private/acme/x"])
def test_missing_tenant_with_files(file: str) -> None:
    """If no tenant is set, the message names those of which there are files."""
    for path in (Path("data") / file, Path("data/north-2.duckdb"), Path("data/a b.duckdb")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    with pytest.raises(SettingsError) as error:
        load_settings(need_key=False)

    there = f"In {Path('data').resolve()} there is acme, north-2: --tenant acme | north-2."
    assert str(error.value).endswith(f", or choose one with --tenant NAME. {there}")

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert "--tenant" not in str(error.value)  # without a key for it, no option helps


@pytest.mark.parametrize("name", ["../../etc", "", "a b", "x" * 200])
def test_invalid_tenant_option(name: str, monkeypatch: Env) -> None:
    """The message for an invalid option names the option, not the setting, and is short."""
    _set(monkeypatch)

    with pytest.raises(SettingsError, match=r"^--tenant '.*' is not the name of a tenant") as error:
        load_settings(name, need_key=False)

    assert ENV_PREFIX not in str(error.value)
    assert len(str(error.value)) < 200


KEY_PLACES = {
    f"{ENV_PREFIX}API_KEY in the environment": {"variable": f"{ENV_PREFIX}API_KEY"},
    f"{ENV_PREFIX}API_KEY in .env": {"env": f"{ENV_PREFIX}API_KEY=k"},
    "api_key under [sources.p4books] in .dlt/secrets.toml": {
        "secrets": "[sources.p4books]\napi_key = 'k'"
    },
    "api_key under [sources.p4books.tenants.acme] in .dlt/secrets.toml": {
        "secrets": "[sources.p4books.tenants.ACME]\napi_key = 'k'",
        "env": f"{ENV_PREFIX}API_KEY=other",
    },
    f"{ENV_PREFIX}TENANTS__ACME__API_KEY in the environment": {
        "variable": f"{ENV_PREFIX}TENANTS__ACME__API_KEY",
        "secrets": "[sources.p4books.tenants.acme]\napi_key = 'other'",
    },
}


@pytest.mark.parametrize("place", KEY_PLACES)
def test_place_of_the_key(place: str, monkeypatch: Env) -> None:
    """The settings know where their key was found, for the message that it is wrong."""
    given = KEY_PLACES[place]
    _set(monkeypatch, api_key="")
    _secrets(given.get("secrets", ""))
    Path(".env").write_text(given.get("env", ""))
    if "variable" in given:
        monkeypatch.setenv(given["variable"], "k")

    settings = load_settings("acme")

    assert (settings.key, settings.key_place) == ("k", place)


def test_missing_key_of_a_tenant() -> None:
    """A tenant that is not the default one needs a key in its own table, as the error says."""
    _secrets(f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'")
    _config("[sources.p4books.tenants.beta]\npage_size = 10")

    with pytest.raises(SettingsError) as error:
        load_settings("beta")

    assert str(error.value) == (
        "The API key of beta is missing. Add api_key = '…' under [sources.p4books.tenants.beta] "
        "to .dlt/secrets.toml."
    )


def test_broken_line_of_env(
    monkeypatch: Env, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A line of .env that cannot be read is named by its number, and the others count."""
    _set(monkeypatch, tenant="", api_key="")
    lines = ["# ours", "", f"{ENV_PREFIX}API_KEY='{SECRET}", f"{ENV_PREFIX}TENANT=acme"]
    Path(".env").write_text("\n".join(lines))

    assert _collect() == {"tenant": "acme"}
    (message,) = caplog.messages
    assert message == f"{Path('.env').resolve()}: line 3 is not NAME=value; it is ignored."
    assert SECRET not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("page_size", "abc", "it must be a whole number."),
        ("page_size", "2.5", "it must be a whole number."),
        ("page_size", "0", "it must be at least 1."),
        ("parallel_lists", "33", "it must be at most 32."),
        ("window_seconds", "soon", "it must be a number."),
        ("window_seconds", "nan", "it must be a number."),
        ("window_seconds", "0", "it must be more than 0."),
        ("max_gone_share", "1.5", "it must be at most 1."),
        ("currency", "dollars", "a currency code has three capital letters, such as USD."),
        ("page_param", " ", "it must not be empty."),
        ("push_decimal", "coma", "it must be `.` or `,`."),
        ("push_dates", "ymd", "it must be `dmy` or `mdy`."),
    ],
)
def test_reason_of_an_invalid_setting(name: str, value: str, why: str, monkeypatch: Env) -> None:
    """A value that does not fit is rejected in a plain sentence."""
    _set(monkeypatch, **{name: value})

    with pytest.raises(SettingsError) as error:
        load_settings()

    variable = ENV_PREFIX + name.upper()
    assert str(error.value) == (
        f"The setting {name} is invalid: {why} Correct {variable} in the environment."
    )


def test_env_file_in_another_encoding() -> None:
    """A file that is not UTF-8 is named with the line, without the codec's words."""
    Path(".env").write_bytes(f"{ENV_PREFIX}TENANT=acme\n# contrase\xf1a\n".encode("cp1252"))

    with pytest.raises(SettingsError, match=r"\.env .*: line 2 is not UTF-8\.") as error:
        _collect()

    assert "codec" not in str(error.value)


def test_place_of_an_unknown_setting(monkeypatch: Env) -> None:
    """A misspelt setting is reported with the file, or the environment, that sets it."""
    _secrets(f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'\n")
    _config("[sources.p4books.tenants.acme]\npage_sise = 5\n")
    _set(monkeypatch, timezon="UTC")

    with pytest.raises(SettingsError) as error:
        load_settings()

    lines = str(error.value).splitlines()
    assert [line.rpartition("?")[2] for line in sorted(lines)] == [
        " Correct page_sise under [sources.p4books.tenants.acme] in .dlt/config.toml.",
        f" Correct {ENV_PREFIX}TIMEZON in the environment.",
    ]


@pytest.mark.parametrize("name", ["endpoints", "tenant", "data_dir"])
def test_setting_of_another_type(name: str) -> None:
    """A value of another type in a TOML file is rejected in a plain sentence, too."""
    _secrets(f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'\n")
    _config(f"[sources.p4books]\n{name} = 5\n")
    if name == "tenant":
        _secrets(f"[sources.p4books]\napi_key = '{SECRET}'\n")

    with pytest.raises(
        SettingsError, match=f"The setting {name} is invalid: it must be a "
    ) as error:
        load_settings()

    assert "nput" not in str(error.value)


def test_two_missing_settings() -> None:
    """Each missing setting gets a line of its own."""
    with pytest.raises(SettingsError) as error:
        load_settings()

    assert [line.split()[2] for line in str(error.value).splitlines()] == ["tenant", "api_key"]


def test_reading_needs_no_key(monkeypatch: Env) -> None:
    """Reading the published file needs no key; using the key without one raises an error."""
    _set(monkeypatch, api_key="")

    settings = load_settings(need_key=False)

    assert settings.published.name == "acme.duckdb"
    with pytest.raises(SettingsError, match="The setting api_key is missing"):
        _ = settings.key


def test_unknown_setting(monkeypatch: Env) -> None:
    """An unknown setting is rejected, with the most similar one."""
    _set(monkeypatch, page_sise="50")

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert str(error.value) == (
        "Unknown setting 'page_sise'. Did you mean 'page_size'? Correct "
        f"{ENV_PREFIX}PAGE_SISE in the environment."
    )


def test_several_invalid_settings(monkeypatch: Env) -> None:
    """Each invalid setting gets a line of its own that names its variable."""
    _set(monkeypatch, page_size="0", currency="dollars", timezone="Panama City")

    with pytest.raises(SettingsError) as error:
        load_settings()

    lines = str(error.value).splitlines()
    assert [line.split()[2] for line in lines] == ["page_size", "timezone", "currency"]
    assert all(line.endswith(" in the environment.") for line in lines)
    assert all(ENV_PREFIX in line for line in lines)


def test_message_with_a_question(monkeypatch: Env) -> None:
    """A suggestion keeps its question mark and gets no full stop after it."""
    _set(monkeypatch, endpoints="invoice")

    with pytest.raises(
        SettingsError, match=r"Did you mean 'invoices'\? Available: .*\. Correct SOURCES"
    ):
        load_settings()


GOOD_MODES = {
    "0440": 0o440,
    440: 0o440,
    0o440: 0o440,
    "0640": 0o640,
    "640": 0o640,
    "0o640": 0o640,
    "600": 0o600,
    640: 0o640,
    0o640: 0o640,
    644: 0o644,
    0o644: 0o644,
    444: 0o444,
    0o444: 0o444,
    400: 0o400,
    0o400: 0o400,
}


@pytest.mark.parametrize(("written", "mode"), GOOD_MODES.items())
def test_published_mode(written: object, mode: int) -> None:
    """A file mode means the same in every notation."""
    assert _validate(published_mode=written).published_mode == mode


def test_modes_are_unambiguous() -> None:
    """No number is a valid mode in two notations."""
    sane = {int(f"{a}{b}{c}", 8) for a in (4, 6) for b in (0, 4, 6) for c in (0, 4, 6)}

    assert all(int(f"{mode:o}") not in sane for mode in sane)
    assert all(_validate(published_mode=mode).published_mode == mode for mode in sane)
    assert all(_validate(published_mode=int(f"{mode:o}")).published_mode == mode for mode in sane)


@pytest.mark.parametrize(
    "written", ["", "9", "64", "0755", "4640", "640.0", "rw-r-----", -416, True, 7, 0, 0o040, None]
)
def test_invalid_mode(written: object) -> None:
    """A value that is not the mode of a data file is rejected."""
    assert "three digits" in _errors(published_mode=written)


def test_mode_in_toml(monkeypatch: Env) -> None:
    """All notations of a mode in TOML mean the same."""
    _set(monkeypatch)
    Path(".dlt").mkdir()
    modes = []

    for written in ("640", "0o640", '"0640"'):
        Path(".dlt/config.toml").write_text(f"[sources.p4books]\npublished_mode = {written}")
        modes.append(load_settings().published_mode)

    assert modes == [0o640] * 3


@pytest.mark.parametrize("name", ["acme", "A1", "a-b", "7", "a" * 63])
def test_tenant_name(name: str) -> None:
    """The tenant name is the first label of its host name."""
    assert _validate(tenant=name).address == f"https://{name}.p4books.com/api/v1"


@pytest.mark.parametrize(
    "name",
    [
        "evil.com/", "evil.com#", "evil.com?", "a.b", "x@y", "..", ".", "", " ", "a b", "a/b",
        "a\\b", "a:b", "-a", "a-", "a\nb", "a\tb", "a%2e", "{tenant}", "acmé", "\uff41cme", "a_b",
        "\u200b", "a\u200b/", "\0", "a" * 64,
    ],
)  # fmt: skip
def test_invalid_tenant_name(name: str) -> None:
    """A name that could send the key, or write a file, elsewhere is rejected."""
    assert "letters, digits and hyphens" in _errors(tenant=name)


@pytest.mark.parametrize("name", [*LAYERS, SEEDS_SCHEMA, "main", "Core"])
def test_tenant_called_like_a_schema(name: str) -> None:
    """DuckDB could not tell core.fct_invoice in core.duckdb from the table of another file."""
    error = _errors(tenant=name)

    assert "choose another name, and give the address of the API in base_url" in error


@given(st.text("ab9-./@:#?%\\ \n\0\u200b\u00e9\uff41", max_size=5))
def test_any_tenant_name(name: str) -> None:
    """A name is rejected, or its host is below p4books.com and its file in the data folder."""
    try:
        settings = _validate(tenant=name)
    except ValidationError:
        return

    host = settings.address.removeprefix("https://").removesuffix("/api/v1")
    assert host == f"{clean_name(name)}.p4books.com"
    assert settings.published.resolve().parent == Path("data").resolve()


@pytest.mark.parametrize("name", ["acme\r\n", " acme ", "\ufeffacme", "ac\u00adme", "a\0cme"])
def test_invisible_characters_of_a_tenant(name: str) -> None:
    """What nobody sees in a tenant's name is not part of it, as a line end of a file."""
    assert _validate(tenant=name).tenant == "acme"


def test_invisible_characters() -> None:
    """What a file leaves around a value is no part of it, whichever setting it is."""
    settings = _validate(
        base_url="https://books.example.com/v1/\r\n",
        currency=" USD\n",
        timezone="\ufeffAmerica/Panama\n",
        page_param="page\u200b",
        page_size="50\n",
        data_dir="my data \n",
    )

    assert settings.address == "https://books.example.com/v1"
    assert (settings.currency, settings.timezone) == ("USD", "America/Panama")
    assert (settings.page_param, settings.page_size) == ("page", 50)
    assert settings.data_dir == Path("my data ")


@pytest.mark.parametrize("key", [SECRET, f" {SECRET} ", f"{SECRET}\n"])
def test_key(key: str) -> None:
    """Whitespace around a key is stripped."""
    assert _validate(api_key=key).key == SECRET


@pytest.mark.parametrize("key", ["", " ", f"{SECRET} x", f"{SECRET}\nHost: evil", f"{SECRET}é"])
def test_invalid_key(key: str) -> None:
    """A key that can't be sent in a header is rejected, and not shown."""
    message = _errors(api_key=key)

    assert "characters that no key has" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": f"{SECRET} x"},
        {"tenant": "a.b"},
        {"page_size": "many"},
        {"api_kei": SECRET},
        {"api_key__x": SECRET},
        {"tenants": SECRET},
        {"base_url": "http://example.com"},
    ],
)
def test_no_error_shows_the_key(wrong: dict[str, str], monkeypatch: Env) -> None:
    """Neither an error message nor its chain of causes contains the key."""
    _set(monkeypatch, **wrong)

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_settings_hide_the_key() -> None:
    """Settings that are printed or logged do not show the key."""
    settings = _validate()

    assert (
        SECRET
        not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    )


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://books.example.com/api/v1/", "https://books.example.com/api/v1"),
        ("https://{tenant}.example.com", "https://acme.example.com"),
        ("https://example.com/{tenant}/v1", "https://example.com/acme/v1"),
        ("http://127.0.0.1:8080/api/v1", "http://127.0.0.1:8080/api/v1"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:80", "http://localhost:80"),
    ],
)
def test_address(written: str, address: str) -> None:
    """The address is configurable, without TLS only on this machine."""
    assert _validate(base_url=written).address == address


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("http://books.example.com", "only to this machine"),
        ("http://{tenant}", "only to this machine"),
        ("http://127.0.0.1.example.com", "only to this machine"),
        ("http://localhost.example.com", "only to this machine"),
        ("http://0.0.0.0", "only to this machine"),
        ("http://10.0.0.1", "only to this machine"),
        ("HTTP://example.com", "only to this machine"),
        ("https://user@example.com", "not contain a user"),
        ("https://user:word@example.com", "not contain a user"),
        ("https://127.0.0.1@example.com", "not contain a user"),
        ("https://example.com/?key=x", "a user, a query"),
        ("https://example.com/#x", "fragment"),
        ("ftp://example.com", "must begin with https"),
        ("example.com/api", "must begin with https"),
        ("https://", "must begin with https"),
        ("", "must begin with https"),
        ("file:///etc/passwd", "must begin with https"),
        ("https://[::1", "IPv6"),
    ],
)
def test_unsafe_address(written: str, why: str) -> None:
    """An address that is invalid or would expose the key is rejected with the reason."""
    assert why in _errors(base_url=written)


@pytest.mark.parametrize(
    "written",
    [
        ["purchase_orders", "invoices"],
        "purchase_orders, invoices",
        "purchase-orders invoices",
        "['purchase-orders', \"invoices\"]",
        ["purchase-orders", "purchase_orders", "invoices"],
    ],
)
def test_endpoints(written: object) -> None:
    """Endpoints are a list or a text, with hyphens or underscores, deduplicated in order."""
    assert _validate(endpoints=written).endpoints == ("purchase_orders", "invoices")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("invoice", "Did you mean 'invoices'?"),
        (["payments"], "Unknown endpoint 'payments'. Available: products"),
        ([], "at least one endpoint"),
        (" , ", "at least one endpoint"),
        (5, "should be a valid tuple"),
    ],
)
def test_invalid_endpoints(written: object, why: str) -> None:
    """An unknown endpoint, or none at all, is rejected."""
    assert why in _errors(endpoints=written)


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests_per_window": 0},
        {"requests_per_window": "many"},
        {"requests_per_window": 1.5},
        {"window_seconds": 0},
        {"window_seconds": "inf"},
        {"window_seconds": "nan"},
        {"page_size": 0},
        {"page_param": ""},
        {"page_size_param": ""},
        {"timezone": "Panama City"},
        {"timezone": "../../etc/passwd"},
        {"timezone": "localtime"},
        {"timezone": ""},
        {"currency": "usd"},
        {"currency": "US$"},
        {"parallel_lists": 0},
        {"parallel_lists": 33},
    ],
)
def test_invalid_value(wrong: dict[str, object]) -> None:
    """Each setting rejects values out of its range."""
    assert f"'loc': ('{next(iter(wrong))}',)" in _errors(**wrong)


def test_numbers_as_text(monkeypatch: Env) -> None:
    """Numbers in variables are parsed."""
    _set(monkeypatch, requests_per_window="50", window_seconds="1.5", timezone="UTC")

    settings = load_settings()

    assert (settings.requests_per_window, settings.window_seconds) == (50, 1.5)
    assert settings.timezone == "UTC"


def test_relative_data_folder(tmp_path: Path, monkeypatch: Env) -> None:
    """A relative data folder is relative to the settings, not to the working directory."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".env").write_text(f"{ENV_PREFIX}TENANT=acme\n{ENV_PREFIX}API_KEY={SECRET}\n")
    monkeypatch.setenv("DLT_PROJECT_DIR", "home")

    settings = load_settings()

    assert project_root() == home
    assert settings.published == home / "data" / "acme.duckdb"
    assert settings.private == home / "data" / ".private" / "acme"


def test_absolute_data_folder(tmp_path: Path, monkeypatch: Env) -> None:
    """An absolute data folder is used as it is, and ~ is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))

    _set(monkeypatch, data_dir="/srv/books")
    absolute = load_settings().data_dir
    _set(monkeypatch, data_dir="~/books")

    assert absolute == Path("/srv/books")
    assert load_settings().data_dir == tmp_path / "me" / "books"


def test_settings_are_frozen() -> None:
    """Validated settings can't be changed."""
    with pytest.raises(ValidationError, match="frozen"):
        _validate().tenant = "other"


def _collect(tenant: str | None = None, *, known_only: bool = True) -> dict[str, Any]:
    return collect_settings(read_sources(Path.cwd()), tenant, known_only=known_only)


def _toml(name: str, text: str) -> None:
    folder = Path(".dlt")
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def _secrets(text: str) -> None:
    _toml("secrets.toml", text)


def _config(text: str) -> None:
    _toml("config.toml", text)


def test_nothing_set() -> None:
    """Without any source there are no settings, which is not an error."""
    assert _collect() == {}


def test_precedence(monkeypatch: Env) -> None:
    """The environment overrides .env, which overrides secrets.toml, then config.toml."""
    sizes = []

    _config("[sources.p4books]\npage_size = 1\ntenant = 'config'")
    sizes.append(_collect()["page_size"])
    _secrets("[sources.p4books]\npage_size = 2")
    sizes.append(_collect()["page_size"])
    Path(".env").write_text(f"{ENV_PREFIX}PAGE_SIZE=3\n")
    sizes.append(_collect()["page_size"])
    monkeypatch.setenv(f"{ENV_PREFIX}PAGE_SIZE", "4")
    sizes.append(_collect()["page_size"])

    assert sizes == [1, 2, "3", "4"]
    assert _collect()["tenant"] == "config"


def test_case_of_variables(monkeypatch: Env) -> None:
    """The name of a variable may be in lower case."""
    monkeypatch.setenv(f"{ENV_PREFIX}page_size".lower(), "7")

    assert _collect() == {"page_size": "7"}


def test_empty_variable(monkeypatch: Env) -> None:
    """A variable without a value is not set: the next source applies."""
    _secrets(f"[sources.p4books]\napi_key = '{SECRET}'")
    Path(".env").write_text(f"{ENV_PREFIX}API_KEY=\n{ENV_PREFIX}TENANT\n")
    monkeypatch.setenv(f"{ENV_PREFIX}API_KEY", "")

    assert _collect() == {"api_key": SECRET}


def test_env_file_is_literal() -> None:
    """In .env a dollar sign is literal, quotes are stripped and `export` is accepted."""
    Path(".env").write_text(f"export {ENV_PREFIX}API_KEY='a$B-${{C}}'\n# a comment\n")

    assert _collect() == {"api_key": "a$B-${C}"}


def test_env_file_from_windows() -> None:
    """A byte order mark before the first name does not hide it."""
    Path(".env").write_bytes(f"{ENV_PREFIX}TENANT=acme\r\n".encode("utf-8-sig"))

    assert _collect() == {"tenant": "acme"}


def test_env_folder() -> None:
    """A folder named .env, as some virtual environments are, is ignored."""
    Path(".env").mkdir()

    assert _collect() == {}


def test_tables_of_other_sources() -> None:
    """Tables of other sources, and values in the place of a table, are ignored."""
    _secrets("[sources.other]\nx = 1")
    _config("sources = 5")

    assert _collect() == {}


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
    """A file that can't be read is named, with the reason but without its contents."""
    Path(".dlt").mkdir()
    Path(name).write_bytes(text)

    with pytest.raises(SettingsError, match=r"cannot be read: .* Nothing was done\.") as error:
        _collect()

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
    """The selected tenant's own table overrides every source, even the environment."""
    _secrets(TENANTS)
    monkeypatch.setenv(f"{ENV_PREFIX}PAGE_SIZE", "30")

    assert _collect("acme") == {"tenant": "acme", "api_key": SECRET, "page_size": 20}
    assert _collect("beta") == {"tenant": "beta", "page_size": "30"}


def test_tenant_table_in_variables(monkeypatch: Env) -> None:
    """A tenant's table may come from variables, and merges with that of a file in any case."""
    _secrets(f"[sources.p4books.tenants.Acme]\napi_key = '{SECRET}'")
    monkeypatch.setenv(f"{ENV_PREFIX}TENANTS__ACME__PAGE_SIZE", "5")

    assert _collect("acme") == {"tenant": "acme", "api_key": SECRET, "page_size": "5"}


@pytest.mark.parametrize("name", ["ACME", "acme\n", "\u200bacme"])
def test_tenant_in_another_spelling(name: str) -> None:
    """A tenant is selected, and gets its key and table, whichever way its name is written."""
    _secrets("[sources.p4books]\ntenant = 'beta'\n" + TENANTS.replace("[sources.p4books]\n", ""))

    assert _collect(name) == {"tenant": name, "api_key": SECRET, "page_size": 20}


def test_default_tenant_in_another_spelling() -> None:
    """The default tenant has the key of the settings, whichever way its name is written."""
    _secrets(f"[sources.p4books]\ntenant = 'Acme'\napi_key = '{SECRET}'")

    assert _collect("acme")["api_key"] == SECRET


def test_tenant_with_two_tables() -> None:
    """Two tables of one tenant, in two spellings, are an error: nobody knows which one is meant."""
    _secrets("[sources.p4books.tenants.Acme]\n[sources.p4books.tenants.acme]")

    with pytest.raises(SettingsError, match="acme has two tables"):
        _collect("acme")


@pytest.mark.parametrize(
    ("made", "stored"),
    [
        (["data/.private/Acme/runs.sqlite", "data/acme.duckdb"], "Acme"),
        (["data/Acme.duckdb"], "Acme"),
        (["data/.private/Acme/runs.sqlite", "data/.private/acme/runs.sqlite"], "acme"),
        (["data/.private/beta/runs.sqlite", "data/beta.duckdb"], "acme"),
        ([], "acme"),
    ],
)
def test_stored_tenant(made: Sequence[str], stored: str) -> None:
    """A tenant's files are found under the spelling of its name that they were made with."""
    _secrets(f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'")
    for file in map(Path, made):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    assert load_settings().private == Path("data/.private", stored).resolve()


def test_no_tenant_selected() -> None:
    """With several tenants and none selected, the message lists all."""
    _secrets(TENANTS)

    with pytest.raises(SettingsError, match=r"select one: --tenant acme \| beta\."):
        _collect()


def test_default_tenant() -> None:
    """The setting `tenant` is the default."""
    _secrets("[sources.p4books]\ntenant = 'beta'\n" + TENANTS.replace("[sources.p4books]\n", ""))

    assert _collect() == {"tenant": "beta", "page_size": 10}


@pytest.mark.parametrize(
    ("name", "end"),
    [("acne", "Did you mean 'acme'? Available: acme, beta."), ("zzz", "Available: acme, beta.")],
)
def test_unknown_tenant(name: str, end: str) -> None:
    """A tenant without a table is rejected, with the most similar one and a list of all."""
    _secrets(TENANTS)

    with pytest.raises(SettingsError) as error:
        _collect(name)

    assert str(error.value) == f"Unknown tenant '{name}'. {end}"


def test_unknown_tenant_without_any() -> None:
    """If no tenant is configured the message says so."""
    with pytest.raises(SettingsError, match=r"Unknown tenant 'acme'. None is configured"):
        _collect("acme")


@pytest.mark.parametrize("known_only", [True, False])
def test_key_of_another_tenant(known_only: bool) -> None:
    """A tenant without a key of its own never gets the default tenant's key."""
    _secrets(
        f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'\n[sources.p4books.tenants.beta]"
    )

    assert _collect("acme")["api_key"] == SECRET
    assert _collect("beta", known_only=known_only) == {"tenant": "beta"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nobody", "Unknown tenant 'nobody'. Available: acme, beta, group-caribe, old."),
        ("caribe", "caribe is a group, whose file is read under another name: --tenant group-"),
    ],
)
def test_unknown_tenant_to_read(name: str, sentence: str) -> None:
    """Whoever reads may name a tenant of the settings, a group, and what there is a file of."""
    _secrets(TENANTS + "[sources.p4books.groups.caribe]\ntenants = ['acme', 'beta']\n")
    Path("data/.private/nobody").mkdir(parents=True)
    Path("data/old.duckdb").touch()

    for known in ("acme", "group-caribe", "OLD"):
        assert load_settings(known, need_key=False).tenant in {"acme", "group-caribe", "old"}
    with pytest.raises(SettingsError) as error:
        load_settings(name, need_key=False)
    assert str(error.value).startswith(sentence)
    with pytest.raises(SettingsError, match=r"Unknown tenant 'nobody'|group-caribe is a group"):
        load_settings(name)


def test_unknown_tenant_of_many() -> None:
    """Of a thousand tenants, a message names ten."""
    _secrets("".join(f"[sources.p4books.tenants.t{n:03}]\n" for n in range(1000)))

    with pytest.raises(SettingsError, match=r"'x'\. Available: t000, .*, t009 and 990 more\.$"):
        _collect("x")


def test_place_in_a_table_of_its_own() -> None:
    """An invalid setting is reported with the table, of one tenant or all, whose value counts."""
    _secrets(TENANTS + "base_url = 'ftp://x'\n[sources.p4books.groups.g]\ncurrency = 'x'\n")
    _config("[sources.p4books]\nbase_url = 'ftp://y'\ntimezone = 'nowhere'\n")
    places = []
    for name in ("acme", "beta"):
        with pytest.raises(SettingsError) as error:
            load_settings(name, need_key=False)
        places.append([line.partition(" Correct ")[2] for line in str(error.value).splitlines()])

    shared = "timezone under [sources.p4books] in .dlt/config.toml."
    assert places == [
        ["base_url under [sources.p4books] in .dlt/config.toml.", shared],
        ["base_url under [sources.p4books.tenants.beta] in .dlt/secrets.toml.", shared],
    ]


def test_key_for_an_unknown_tenant() -> None:
    """A reader may name any tenant, but gets no key for one that is not configured."""
    _secrets(f"[sources.p4books]\ntenant = 'acme'\napi_key = '{SECRET}'")

    assert _collect("gamma", known_only=False) == {"tenant": "gamma"}


@pytest.mark.parametrize(
    "text",
    [f"[sources.p4books]\ntenants = '{SECRET}'", f"[sources.p4books.tenants]\nacme = '{SECRET}'"],
)
def test_tenant_is_not_a_table(text: str) -> None:
    """A value in the place of a tenant's table is reported, but not shown."""
    _secrets(text)

    with pytest.raises(SettingsError, match=r"\[sources\.p4books\.tenants\.NAME\]") as error:
        _collect("acme")

    assert SECRET not in str(error.value)


def test_value_and_table_of_one_name(monkeypatch: Env) -> None:
    """A variable that is the parent of another one does not break the lookup."""
    monkeypatch.setenv(f"{ENV_PREFIX}API_KEY", SECRET)
    monkeypatch.setenv(f"{ENV_PREFIX}API_KEY__MORE", "x")

    assert set(_collect()) == {"api_key"}


@pytest.mark.parametrize(("written", "group"), [("finance", "finance"), (1200, "1200"), ("0", "0")])
def test_published_group(written: object, group: str) -> None:
    """A group is given by its name or its number, and looked up only when a file is published."""
    assert _validate(published_group=written).published_group == group


def test_export_mode() -> None:
    """An export may be written by its owner, also if the published file may not."""
    modes = {mode: _validate(published_mode=mode).export_mode for mode in ("0400", "0440", "0644")}

    assert modes == {"0400": 0o600, "0440": 0o640, "0644": 0o644}


def test_name_that_begins_with_a_tilde(monkeypatch: Env, tmp_path: Path) -> None:
    """`~NAME` is a folder if there is no such user."""
    _set(monkeypatch, data_dir="~no-such-user")

    assert load_settings().data_dir == tmp_path / "~no-such-user"


def test_folder_that_is_not_utf8(monkeypatch: Env) -> None:
    """A folder with a name that DuckDB cannot open is an error that shows what can be shown."""
    _set(monkeypatch, data_dir="caf\udce9")

    with pytest.raises(SettingsError, match="caf\ufffd, has a name that is not UTF-8"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("push_decimal", ";", "Input should be '.' or ','"),
        ("push_dates", "ymd", "Input should be 'dmy' or 'mdy'"),
        ("push_encoding", "cp12520", "unknown encoding 'cp12520'"),
    ],
)
def test_notation_of_files(name: str, value: str, message: str) -> None:
    """How files to push are written is one of the known ways."""
    valid = {"push_decimal": ",", "push_dates": "dmy", "push_encoding": "cp1252"}[name]

    assert message in _errors(**{name: value}).replace("\\'", "'")
    assert getattr(_validate(**{name: valid}), name) == valid
