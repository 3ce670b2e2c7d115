"""Groups in the settings: their members, their names, and what is refused."""

from pathlib import Path

import pytest

from p4books.errors import SettingsError
from p4books.settings import ENV_PREFIX, Group, load_groups, load_settings

_TENANTS = "[sources.p4books.tenants.north]\napi_key = 'n'\n[sources.p4books.tenants.South]\n"


def _write(text: str, common: str = "") -> None:
    Path(".dlt").mkdir(exist_ok=True)
    Path(".dlt/secrets.toml").write_text(f"{common}\n{_TENANTS}{text}", encoding="utf-8")


def _group(name: str, tenants: str) -> str:
    return f"[sources.p4books.groups.{name}]\ntenants = {tenants}\n"


def _refuse(text: str) -> str:
    _write(text)
    try:
        _, (fault,) = load_groups()
    except SettingsError as error:
        return str(error)
    return str(fault)


def test_no_group() -> None:
    """Without a table there is no group, whatever else is set or not."""
    assert load_groups() == ([], [])


def test_groups_of_a_file_and_of_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is a table of a file or a variable; names are compared as tenants' are."""
    _write(_group("Caribe", '["North", "south"]'))
    monkeypatch.setenv(f"{ENV_PREFIX}GROUPS__ALL__TENANTS", "north, acme")
    monkeypatch.setenv(f"{ENV_PREFIX}TENANT", "acme")

    assert {group.name: group for group in load_groups()[0]} == {
        "caribe": Group("caribe", ("North", "south")),
        "all": Group("all", ("north", "acme")),
    }
    assert load_settings("north").tenant == "north"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (_group("x", '["nort", "south"]'), "unknown tenant 'nort'. Did you mean 'north'?"),
        (_group("x", '["north", "NORTH"]'), "the tenant north is in its list twice."),
        (_group("x", "[]"), "it needs the list of its tenants"),
        (_group("x", "7"), "it needs the list of its tenants"),
        ("[sources.p4books.groups.x]\n", "it needs the list of its tenants"),
        (_group("x", '["north"]') + _group("y", '["group-x"]'), "'group-x' is a group"),
        (_group("x", '["north"]') + _group("y", '["x"]'), "'x' is a group"),
        (_group('"a b"', '["north"]'), "letters, digits and hyphens"),
        (_group("x" * 60, '["north"]'), "not too many"),
        (_group("x", '["north"]\napi_key = "k"'), "keys belong to its tenants"),
        (
            _group("x", '["north"]') + "[sources.p4books.tenants.GROUP-X]\napi_key = 'g'\n",
            "there is a tenant of the name group-x",
        ),
        ("[sources.p4books.groups]\nx = ['north']\n", "Each group needs a table of its own"),
        (_group("x", '["north"]') + _group("X", '["south"]'), "The group X has two tables"),
    ],
)
def test_invalid_group(text: str, problem: str) -> None:
    """What is wrong with a group is one sentence, and the key of a tenant is in none."""
    message = _refuse(text)
    assert problem.lower() in message.lower()
    assert "Nothing was done" in message


def test_invalid_group_beside_others() -> None:
    """A group that is wrong stands in the way of no other one."""
    _write(_group("good", '["north"]') + _group("bad", '["nobody"]'))

    assert load_groups()[0] == [Group("good", ("north",))]
    assert load_settings("group-good", need_key=False).members == ("north",)
    with pytest.raises(SettingsError, match="The group bad is invalid: unknown tenant 'nobody'"):
        load_settings("group-bad", need_key=False)


@pytest.mark.parametrize("need_key", [True, False])
def test_tenant_with_the_name_of_a_group(need_key: bool) -> None:
    """A name that may mean a tenant or a group is refused, whatever is done with it."""
    _write(_group("x", '["north"]') + "[sources.p4books.tenants.Group-X]\napi_key = 'x'\n")

    for of_tenant in (True, False):
        with pytest.raises(SettingsError, match=r"tenant.*group-x|group-x.*tenant") as raised:
            load_settings("group-x", need_key=need_key, of_tenant=of_tenant)
        assert "Nothing was done." in str(raised.value)
        assert "Name a tenant: --tenant" not in str(raised.value)
    assert load_settings("north").tenant == "north"


def test_group_without_a_table() -> None:
    """What is no table is a group that is wrong, also for what groups are refused."""
    _write("[sources.p4books.groups]\nx = ['north']\n")

    with pytest.raises(SettingsError, match="group-x is a group"):
        load_settings("group-x")


def test_group_is_read_as_a_tenant() -> None:
    """The file of a group has settings of its own, and none of the tenant that is the default."""
    _write(
        _group("caribe", '["north", "acme"]') + "language = 'es'\n",
        "[sources.p4books]\ntenant = 'acme'\napi_key = 'k'\ncompany = 'Acme, S.A.'\n"
        "timezone = 'America/Bogota'\n",
    )

    settings = load_settings("Group-Caribe", need_key=False)

    assert (settings.tenant, settings.language) == ("group-caribe", "es")
    assert (settings.timezone, settings.company) == ("America/Bogota", None)
    assert settings.published.name == "group-caribe.duckdb"
    assert settings.api_key is None


def test_group_has_no_books_at_p4_books() -> None:
    """What needs a key says that a group has none, and which tenants there are."""
    _write(_group("caribe", '["north", "south"]'))

    with pytest.raises(SettingsError, match=r"is a group, .*--tenant north \| south\."):
        load_settings("group-caribe")


def test_invalid_setting_of_a_group() -> None:
    """A setting that no group has is named, with its place."""
    _write(_group("caribe", '["north"]') + "languge = 'es'\n")

    with pytest.raises(SettingsError, match=r"languge.*Did you mean 'language'.*secrets\.toml"):
        load_settings("group-caribe", need_key=False)
