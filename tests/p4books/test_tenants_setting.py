"""Several tenants in the settings: each with its own, or with what is wrong with it."""

import time
from pathlib import Path

import pytest

from p4books.errors import SettingsError
from p4books.settings import ENV_PREFIX, ConfiguredTenant, load_settings, load_tenants


def _secrets(text: str) -> None:
    Path(".dlt").mkdir(exist_ok=True)
    Path(".dlt/secrets.toml").write_text(text, encoding="utf-8")


def _name(tenants: list[ConfiguredTenant]) -> list[str]:
    return [tenant.name for tenant in tenants]


def test_no_tenants() -> None:
    """Without settings there are no tenants, which is not an error here."""
    assert load_tenants() == []


def test_same_settings_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tenant has the settings that it has alone; the default is one of them, once."""
    monkeypatch.setenv(f"{ENV_PREFIX}PAGE_SIZE", "50")
    Path(".env").write_text(f"{ENV_PREFIX}TENANT=Acme\n{ENV_PREFIX}TENANTS__EAST__API_KEY=e\n")
    _secrets(
        "[sources.p4books]\napi_key = 'a'\n"
        "[sources.p4books.tenants.south]\napi_key = 's'\ntimezone = 'America/Costa_Rica'\n"
        "[sources.p4books.tenants.ACME]\npage_size = 25\n"
    )

    tenants = load_tenants()

    assert _name(tenants) == ["Acme", "east", "south"]
    assert [tenant.fault for tenant in tenants] == [None, None, None]
    for tenant in tenants:
        alone = load_settings(tenant.name)
        assert tenant.settings == alone
        assert tenant.settings is not None
        assert tenant.settings.key_place == alone.key_place
        assert tenant.settings.key == tenant.name[0].lower()


def test_broken_tenant() -> None:
    """What is wrong with one tenant is its own fault; the others have their settings."""
    _secrets(
        "[sources.p4books.tenants]\nnorth = 5\n"
        "[sources.p4books.tenants.bad]\napi_key = 'k-secret'\npage_size = 0\n"
        "[sources.p4books.tenants.core]\napi_key = 'k'\n"
        "[sources.p4books.tenants.good]\napi_key = 'k'\n"
        "[sources.p4books.tenants.poor]\nlanguage = 'es'\n"
    )

    tenants = {tenant.name: tenant for tenant in load_tenants()}

    faults = {name: str(tenant.fault) for name, tenant in tenants.items() if tenant.fault}
    assert tenants["good"].settings is not None
    assert all((tenant.settings is None) == (name in faults) for name, tenant in tenants.items())
    assert faults.keys() == {"north", "bad", "core", "poor"}
    assert "needs a table of its own" in faults["north"]
    assert "page_size is invalid" in faults["bad"]
    assert "choose another name" in faults["core"]
    assert "The API key of poor is missing" in faults["poor"]
    assert "k-secret" not in str(faults)
    assert load_tenants(need_key=False)[-1].settings is not None  # poor can be read


def test_spelling_of_files() -> None:
    """A tenant is called as its files are, whatever the settings call it."""
    _secrets(
        "[sources.p4books.tenants.north]\napi_key = 'k'\n"
        "[sources.p4books.tenants.SOUTH]\napi_key = 'k'\n"
    )
    Path("data/.private/North").mkdir(parents=True)
    Path("data/South.duckdb").touch()

    assert _name(load_tenants()) == ["North", "South"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[sources.p4books.tenants.a]\n[sources.p4books.tenants.A]\n", "has two tables"),
        ("[sources.p4books]\ntenants = ['a', 'b']\n", "needs a table of its own"),
        ("[sources.p4books.tenants.a\n", "cannot be read"),
    ],
)
def test_unreadable_settings(text: str, why: str) -> None:
    """What concerns no tenant alone is an error."""
    _secrets(text)

    with pytest.raises(SettingsError, match=why):
        load_tenants()


def test_many_tenants() -> None:
    """The cost grows with the number of tenants, also if each has files: it is no square of it."""
    names = [f"t{number:04}" for number in range(1_000)]
    _secrets("".join(f"[sources.p4books.tenants.{name}]\napi_key = 'k'\n" for name in names))
    for name in names:
        (Path("data/.private") / name).mkdir(parents=True)
        Path(f"data/{name}.duckdb").touch()
    load_settings(names[0])  # imports

    cpu = {}
    for need_key in (True, False):
        started = time.process_time()
        assert _name(load_tenants(need_key=need_key)) == names
        cpu[need_key] = time.process_time() - started

    assert max(cpu.values()) < 1.5, cpu  # 0.1 s; one folder's listing per tenant would be 10
