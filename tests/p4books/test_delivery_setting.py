"""Setting `deliver`."""

from pathlib import Path

import pytest

from p4books.errors import SettingsError
from p4books.settings import Delivery, Settings, load_settings


def load(root: Path, deliver: str, tenant: str = "") -> Settings:
    """Load the settings of a project whose config.toml has this setting, and a tenant's own."""
    (root / ".dlt").mkdir()
    (root / ".dlt" / "config.toml").write_text(
        f'[sources.p4books]\ntenant = "acme"\ndeliver = {deliver}\n'
        f'[sources.p4books.tenants.other]\nbase_url = "https://x.test"\n{tenant}',
        encoding="utf-8",
    )
    return load_settings("other" if tenant else None, root, need_key=False)


def test_deliveries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each delivery is a table; a relative folder is in that of the settings, ~ is the home."""
    monkeypatch.setenv("HOME", "/home/ana")
    text = (
        '[{kind = "workbook", to = "/share", lang = "es"}, {kind = "statements", to = "late"},'
        ' {kind = "excel-csv", to = "~/csv", models = ["ar_aging", "custom"], decimal = ","}]'
    )

    assert load(tmp_path, text).deliver == (
        Delivery("workbook", Path("/share"), lang="es"),
        Delivery("statements", tmp_path / "late"),
        Delivery("excel-csv", Path("/home/ana/csv"), ("ar_aging", "custom"), None, ","),
    )


def test_of_one_tenant(tmp_path: Path) -> None:
    """A tenant's own setting takes the place of that of all."""
    settings = load(tmp_path, '[{kind = "page", to = "/a"}]', 'deliver = [{kind = "csv", to="/b"}]')

    assert settings.deliver == (Delivery("csv", Path("/b")),)


def test_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable has the same as JSON."""
    monkeypatch.setenv("SOURCES__P4BOOKS__TENANT", "acme")
    monkeypatch.setenv("SOURCES__P4BOOKS__DELIVER", '[{"kind": "page", "to": "/a"}]')

    assert load_settings(None, tmp_path, need_key=False).deliver == (Delivery("page", Path("/a")),)


PROBLEMS = {
    "no list": ('"/share"', "it must be a list, such as"),
    "one table": ('{kind = "csv", to = "/a"}', "it must be a list, such as"),
    "text in it": ('["/share"]', "entry 1: it must be a table, such as"),
    "kind": ('[{kind = "workbok", to = "/a"}]', "entry 1: Unknown kind 'workbok'. Did you mean 'w"),
    "no folder": ('[{kind = "csv"}]', "entry 1: to is missing."),
    "empty folder": ('[{kind = "csv", to = " "}]', "entry 1: to must be a text, and not empty."),
    "number": ('[{kind = 5, to = "/a"}]', "entry 1: kind must be a text"),
    "key": (
        '[{kind = "csv", to = "/a", model = []}]',
        "Unknown key 'model'. Did you mean 'models'?",
    ),
    "models": ('[{kind = "csv", to = "/a", models = "x"}]', "models must be a list of names"),
    "no models": ('[{kind = "page", to = "/a", models = ["x"]}]', "page has no models to choose"),
    "language": (
        '[{kind = "csv", to = "/a", lang = "fr"}]',
        "lang must be `en` or `es`, not 'fr'.",
    ),
    "decimal": ('[{kind = "csv", to = "/a", decimal = ","}]', "decimal is for excel-csv only"),
    "twice": (
        '[{kind = "page", to = "/a"}, {kind = "page", to = "/b/../a", lang = "es"}]',
        "entries 1 and 2 write the same files into /a;",
    ),
    "two formats of a model": (
        '[{kind = "csv", to = "/a"}, {kind = "excel-csv", to = "/a", models = ["x"]}]',
        "entries 1 and 2 write the same files into /a;",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_problem(tmp_path: Path, case: str) -> None:
    """A wrong setting is an error in one sentence, which says where it is set."""
    text, says = PROBLEMS[case]

    with pytest.raises(SettingsError) as error:
        load(tmp_path, text)

    (line,) = str(error.value).splitlines()
    assert line.startswith("The setting deliver is invalid: ")
    assert says in line
    assert line.endswith("Correct deliver under [sources.p4books] in .dlt/config.toml.")


def test_several_problems(tmp_path: Path) -> None:
    """There is one sentence per problem."""
    with pytest.raises(SettingsError) as error:
        load(tmp_path, '[{kind = "csv", lang = "fr"}, {to = "/a"}]')

    assert [
        line.split(": ", 1)[1].partition(". ")[0] for line in str(error.value).splitlines()
    ] == [
        "entry 1: to is missing",
        "entry 1: lang must be `en` or `es`, not 'fr'",
        "entry 2: kind is missing",
    ]


def test_same_folder_of_others(tmp_path: Path) -> None:
    """Files with other names can be delivered into one folder."""
    kinds = ('"workbook"', '"page"', '"statements"', '"parquet"', '"csv", models = ["a"]')
    more = ('"excel-csv", models = ["b"]', '"workbook", models = ["a"]')
    text = ", ".join(f'{{to = "/a", kind = {kind}}}' for kind in kinds + more)

    assert len(load(tmp_path, f"[{text}]").deliver) == 7
