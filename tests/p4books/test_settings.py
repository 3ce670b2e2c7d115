"""What may differ?"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from p4books.endpoints import ENDPOINTS
from p4books.errors import SettingsError
from p4books.settings import ENV_PREFIX, Settings, load_settings, project_root

SECRET = "k-3f9a7c"  # noqa: S105 - of nothing

Env = pytest.MonkeyPatch


def _set(monkeypatch: Env, **values: str) -> None:
    for name, value in {"tenant": "acme", "api_key": SECRET, **values}.items():
        monkeypatch.setenv(ENV_PREFIX + name.upper(), value)


def _made(**values: Any) -> Settings:
    return Settings.model_validate({"tenant": "acme", "api_key": SECRET, **values})


def _faults(**values: Any) -> str:
    with pytest.raises(ValidationError) as error:
        _made(**values)
    return str(error.value.errors(include_url=False, include_input=False))


def test_two_are_enough(monkeypatch: Env) -> None:
    """A tenant and a key are all that must be set; the rest is as documented."""
    _set(monkeypatch)

    found = load_settings()

    assert found.address == "https://acme.p4books.com/api/v1"
    assert found.key == SECRET
    assert found.endpoints == tuple(ENDPOINTS)
    assert (found.requests_per_window, found.window_seconds, found.page_size) == (90, 60, 100)
    assert (found.timezone, found.currency) == ("America/Panama", "USD")
    assert found.published_mode == 0o640


@pytest.mark.parametrize("missing", ["tenant", "api_key"])
def test_one_is_missing(missing: str, monkeypatch: Env) -> None:
    """A missing setting is named, with where to put it."""
    _set(monkeypatch, **{missing: ""})

    with pytest.raises(SettingsError) as error:
        load_settings()

    variable = ENV_PREFIX + missing.upper()
    assert str(error.value) == (
        f"The setting {missing} is missing. Put {variable}=… into .env (see .env.example)."
    )


def test_both_are_missing() -> None:
    """Each missing setting has its own sentence."""
    with pytest.raises(SettingsError) as error:
        load_settings()

    assert [line.split()[2] for line in str(error.value).splitlines()] == ["tenant", "api_key"]


def test_reader_needs_no_key(monkeypatch: Env) -> None:
    """Who only reads what is published needs no key; who asks for it is told so."""
    _set(monkeypatch, api_key="")

    found = load_settings(need_key=False)

    assert found.published.name == "acme.duckdb"
    with pytest.raises(SettingsError, match="The setting api_key is missing"):
        _ = found.key


def test_unknown_setting(monkeypatch: Env) -> None:
    """A setting that does not exist is refused, with the nearest that does."""
    _set(monkeypatch, page_sise="50")

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert str(error.value) == "There is no setting page_sise; did you mean page_size?"


def test_all_faults_at_once(monkeypatch: Env) -> None:
    """Each wrong setting has its own sentence, and names its variable."""
    _set(monkeypatch, page_size="0", currency="dollars", timezone="Panama City")

    with pytest.raises(SettingsError) as error:
        load_settings()

    lines = str(error.value).splitlines()
    assert [line.split()[2] for line in lines] == ["page_size", "timezone", "currency"]
    assert all(line.endswith(" in the environment or .env.") for line in lines)
    assert all(ENV_PREFIX in line for line in lines)


def test_sentence_with_a_question(monkeypatch: Env) -> None:
    """A question within a sentence keeps its mark, and gets no full stop behind it."""
    _set(monkeypatch, endpoints="invoice")

    with pytest.raises(SettingsError, match=r"did you mean invoices\? It is SOURCES__"):
        load_settings()


GOOD_MODES = {
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
    """A file's mode means the same however it is written."""
    assert _made(published_mode=written).published_mode == mode


def test_no_mode_has_two_meanings() -> None:
    """No number can be read as two modes, so that none is ever guessed."""
    sane = {int(f"{a}{b}{c}", 8) for a in (4, 6) for b in (0, 4, 6) for c in (0, 4, 6)}

    assert all(int(f"{mode:o}") not in sane for mode in sane)
    assert all(_made(published_mode=mode).published_mode == mode for mode in sane)
    assert all(_made(published_mode=int(f"{mode:o}")).published_mode == mode for mode in sane)


@pytest.mark.parametrize(
    "written", ["", "9", "64", "0755", "4640", "640.0", "rw-r-----", -416, True, 7, 0, 0o040, None]
)
def test_not_a_mode(written: object) -> None:
    """What is no mode of a file that is read, not run, is refused."""
    assert "three digits" in _faults(published_mode=written)


def test_mode_in_toml(monkeypatch: Env) -> None:
    """Both ways to write a mode in TOML mean the same."""
    _set(monkeypatch)
    Path(".dlt").mkdir()
    modes = []

    for written in ("640", "0o640", '"0640"'):
        Path(".dlt/config.toml").write_text(f"[sources.p4books]\npublished_mode = {written}")
        modes.append(load_settings().published_mode)

    assert modes == [0o640] * 3


@pytest.mark.parametrize("name", ["acme", "A1", "a-b", "7", "a" * 63])
def test_tenant_name(name: str) -> None:
    """A tenant's name is the first word of its address."""
    assert _made(tenant=name).address == f"https://{name}.p4books.com/api/v1"


@pytest.mark.parametrize(
    "name",
    [
        "evil.com/", "evil.com#", "evil.com?", "a.b", "x@y", "..", ".", "", " ", "a b", "a/b",
        "a\\b", "a:b", "-a", "a-", "a\n", "\na", "a%2e", "{tenant}", "acmé", "\uff41cme", "a_b",
        "a\0", "a" * 64,
    ],
)  # fmt: skip
def test_tenant_name_that_turns_the_address(name: str) -> None:
    """A name that could lead the key, or a file, elsewhere is refused."""
    assert "letters, digits and hyphens" in _faults(tenant=name)


@given(st.text("ab9-./@:#?%\\ \n\u00e9\uff41", max_size=5))
def test_no_tenant_name_leaves_its_place(name: str) -> None:
    """A name is refused, or its address is below p4books.com and its file in the data folder."""
    try:
        found = _made(tenant=name)
    except ValidationError:
        return

    host = found.address.removeprefix("https://").removesuffix("/api/v1")
    assert host == f"{name}.p4books.com"
    assert found.published.resolve().parent == Path("data").resolve()


@pytest.mark.parametrize("key", [SECRET, f" {SECRET} ", f"{SECRET}\n"])
def test_key(key: str) -> None:
    """Blanks around a key are not part of it."""
    assert _made(api_key=key).key == SECRET


@pytest.mark.parametrize("key", ["", " ", f"{SECRET} x", f"{SECRET}\nHost: evil", f"{SECRET}é"])
def test_no_key(key: str) -> None:
    """A key that a header can't hold is refused, and not shown."""
    said = _faults(api_key=key)

    assert "characters no key has" in said
    assert SECRET not in said


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
    """Whatever is wrong, the sentence does not hold the key, nor does its chain of causes."""
    _set(monkeypatch, **wrong)

    with pytest.raises(SettingsError) as error:
        load_settings()

    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_settings_hide_the_key() -> None:
    """Settings that are printed or logged do not show the key."""
    found = _made()

    assert SECRET not in f"{found} {found!r} {found.model_dump()} {found.model_dump_json()}"


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
    """An address may be another, without TLS only on this machine."""
    assert _made(base_url=written).address == address


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
        ("https://user@example.com", "no user"),
        ("https://user:word@example.com", "no user"),
        ("https://127.0.0.1@example.com", "no user"),
        ("https://example.com/?key=x", "no user, query"),
        ("https://example.com/#x", "fragment"),
        ("ftp://example.com", "begins with https"),
        ("example.com/api", "begins with https"),
        ("https://", "begins with https"),
        ("", "begins with https"),
        ("file:///etc/passwd", "begins with https"),
        ("https://[::1", "IPv6"),
    ],
)
def test_unsafe_address(written: str, why: str) -> None:
    """An address that would show the key, or that is none, is refused with the reason."""
    assert why in _faults(base_url=written)


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
    """Endpoints are a list or a text, with hyphens or not, each once, in their order."""
    assert _made(endpoints=written).endpoints == ("purchase_orders", "invoices")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("invoice", "did you mean invoices?"),
        (["payments"], "there is no endpoint payments"),
        ([], "no endpoint is named"),
        (" , ", "no endpoint is named"),
        (5, "should be a valid tuple"),
    ],
)
def test_not_endpoints(written: object, why: str) -> None:
    """What is no endpoint, or none at all, is refused."""
    assert why in _faults(endpoints=written)


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
def test_wrong_value(wrong: dict[str, object]) -> None:
    """Each setting refuses what it can't be."""
    assert f"'loc': ('{next(iter(wrong))}',)" in _faults(**wrong)


def test_numbers_as_text(monkeypatch: Env) -> None:
    """In a variable all is text; a number is taken as one."""
    _set(monkeypatch, requests_per_window="50", window_seconds="1.5", timezone="UTC")

    found = load_settings()

    assert (found.requests_per_window, found.window_seconds) == (50, 1.5)
    assert found.timezone == "UTC"


def test_data_beside_the_settings(tmp_path: Path, monkeypatch: Env) -> None:
    """A relative data folder lies beside the settings, wherever the command is run."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".env").write_text(f"{ENV_PREFIX}TENANT=acme\n{ENV_PREFIX}API_KEY={SECRET}\n")
    monkeypatch.setenv("DLT_PROJECT_DIR", "home")

    found = load_settings()

    assert project_root() == home
    assert found.published == home / "data" / "acme.duckdb"
    assert found.private == home / "data" / ".private" / "acme"


def test_data_elsewhere(tmp_path: Path, monkeypatch: Env) -> None:
    """An absolute data folder stands as it is, and ~ is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))

    _set(monkeypatch, data_dir="/srv/books")
    absolute = load_settings().data_dir
    _set(monkeypatch, data_dir="~/books")

    assert absolute == Path("/srv/books")
    assert load_settings().data_dir == tmp_path / "me" / "books"


def test_settings_stand() -> None:
    """Settings can't be changed once they are checked."""
    with pytest.raises(ValidationError, match="frozen"):
        _made().tenant = "other"
