"""Which models are there, and in which order can they be made?"""

from collections.abc import Callable
from pathlib import Path

import pytest

from p4books.errors import BrokenSql
from p4books.transform.models import SqlSources, load_models, sql_folder

Files = Callable[..., Path]

VENDORS = "-- One row per vendor.\nselect id as vendor_id from raw.vendors\n"


def test_ours() -> None:
    """The views of this project are found, sound and in order, each with its grain."""
    found = load_models(SqlSources.at()).models

    placed = {model.full: place for place, model in enumerate(found)}
    assert placed["staging.invoices_history"] < placed["staging.invoices"]
    for model in found:
        assert model.grain.startswith("One row"), model.full
        assert all(placed[read] < placed[model.full] for read in model.reads if read in placed)


def test_order(sql: Files) -> None:
    """A view comes after those it reads, whatever their names and however it reads them."""
    root = sql(
        staging__z="-- One row.\nselect 1 as one",
        staging__b="-- One row.\nwith a as (select * from staging.c) select * from a",
        staging__c='-- One row.\nselect (select max(one) from "staging"."z") as one',
        core__a="-- One row.\nselect * from STAGING.B where one in (from staging.z)",
        reporting__a="-- One row.\nselect * from core.a",
    )

    found = load_models(SqlSources.at(root)).models

    names = [model.full for model in found]
    assert names == ["staging.z", "staging.c", "staging.b", "core.a", "reporting.a"]
    assert found[3].reads == {"staging.b", "staging.z"}


BROKEN = {
    "no relation": ("select *\nfrom staging.nothing", 3, "there is no staging.nothing"),
    "no layer": ("select *\n\nfrom mart.thing", 4, "there is no layer mart"),
    "higher": ("select *\nfrom core.fine", 3, "it reads core.fine, of a higher layer"),
    "the user's": ("select * from custom.mine", 2, "it reads custom.mine, of a higher layer"),
    "itself": ("select * from staging.broken", 1, "a circle: staging.broken"),
    "not one select": ("drop table raw.vendors", 1, "the file is not one select"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(sql: Files, case: str) -> None:
    """One of ours that can't be made is named, with the line and the reason."""
    text, line, why = BROKEN[case]
    one = "-- One row.\nselect 1 as one"
    root = sql(core__fine=one, custom__mine=one, staging__broken=f"-- One row.\n{text}")

    with pytest.raises(BrokenSql) as caught:
        load_models(SqlSources.at(root))

    assert str(caught.value).startswith(f"{root / 'staging' / 'broken.sql'}, line {line}: {why}")


def test_circle(sql: Files) -> None:
    """Views that read each other are told as a circle."""
    root = sql(
        staging__a="-- One row.\nselect * from staging.b",
        staging__b="-- One row.\nselect * from staging.c",
        staging__c="-- One row.\nselect * from staging.a",
    )

    with pytest.raises(BrokenSql, match=r"staging/[abc]\.sql, line 1: a circle: staging\..* → "):
        load_models(SqlSources.at(root))


def names(sources: SqlSources) -> list[str]:
    return [model.full for model in load_models(sources).models]


def test_the_users_own_come_last(sql: Files) -> None:
    """The user's own may read every layer and each other; they come after all of ours."""
    root = sql(
        custom__a="-- One row.\nselect * from custom.b",
        custom__b="-- One row.\nselect * from reporting.r join raw.vendors on true",
        reporting__r="-- One row.\nselect 1 as one",
        staging__z="-- One row.\nselect 1 as one",
    )

    found = load_models(SqlSources.at(root))

    assert set(names(SqlSources.at(root))[:2]) == {"reporting.r", "staging.z"}
    assert names(SqlSources.at(root))[2:] == ["custom.b", "custom.a"]
    assert found.left_out == []


LEFT_OUT = {
    "not sql": ("select 1 as one\nfrom (select 2", 3, "Expecting )"),
    "two": ("select 1;\nselect 2", 1, "the file is not one select"),
    "no relation": ("select *\nfrom staging.vendor", 3, "there is no staging.vendor"),
    "no layer": ("select * from marts.vendors", 2, "there is no layer marts"),
    "no schema": ("select *\nfrom vendors", 3, "vendors names no layer: write it before"),
    "itself": ("select * from custom.broken", 1, "a circle: custom.broken → custom.broken"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_broken_one_of_the_user(sql: Files, case: str) -> None:
    """One of the user's own that is broken is left out, named with file and line; others stay."""
    text, line, why = LEFT_OUT[case]
    root = sql(
        staging__vendors=VENDORS,
        custom__fine="-- One row.\nselect * from staging.vendors",
        custom__broken=f"-- One row.\n{text}",
    )

    found = load_models(SqlSources.at(root))

    assert [model.full for model in found.models] == ["staging.vendors", "custom.fine"]
    (fault,) = found.left_out
    assert fault.where.startswith(f"{root / 'custom' / 'broken.sql'}, line {line}: ")
    assert why in fault.where


def test_no_grain_and_no_text(sql: Files) -> None:
    """One without a grain, one that is no text, one with an odd name are left out as well."""
    root = sql(custom__none="select 1 as one", custom__bytes="", custom__Top_10="-- One.\nselect 1")
    (root / "custom" / "bytes.sql").write_bytes(b"-- \xff\xfe")

    found = load_models(SqlSources.at(root))

    said = [fault.where.rpartition("/")[2] for fault in found.left_out]
    assert found.models == []
    assert said[0].startswith("Top_10.sql, line 1: a model's name has small letters, digits")
    assert said[1].startswith("bytes.sql, line 1: 'utf-8' codec can't decode")
    assert said[2] == "none.sql, line 1: the first line is not the grain: `-- One row per …`."


def test_a_circle_of_the_users_own(sql: Files) -> None:
    """Those in a circle are told so, whoever reads one that it is left out itself."""
    root = sql(
        custom__a="-- One row.\nselect * from custom.b",
        custom__b="-- One row.\nselect * from custom.c",
        custom__c="-- One row.\nselect * from custom.a",
        custom__d="-- One row.\nselect * from custom.e",
        custom__e="-- One row.\nselect * from custom.a",
        custom__f="-- One row.\nselect *\nfrom custom.g",
        custom__g="-- One row.\nselec 1",
        custom__h="-- One row.\nselect 1 as one",
    )

    found = load_models(SqlSources.at(root))

    why = {fault.where.partition(".sql")[0][-1]: fault.where for fault in found.left_out}
    assert names(SqlSources.at(root)) == ["custom.h"]
    assert "line 1: a circle: custom.a → custom.b → custom.c → custom.a." in why["a"]
    assert "line 1: a circle: custom.b → custom.c → custom.a → custom.b." in why["b"]
    assert "line 2: it reads custom.e, which is left out itself." in why["d"]
    assert "line 2: it reads custom.a, which is left out itself." in why["e"]
    assert "line 3: it reads custom.g, which is left out itself." in why["f"]
    assert sorted(why) == list("abcdefg")


def test_where_the_user_keeps_his_own(
    sql: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an installed package ours count; the user's custom/ and seeds/ are where he works."""
    sql(
        custom__mine="-- One row.\nselect * from staging.vendors",
        staging__theirs="-- One row.\nselect 1 as one",
    )
    (tmp_path / "sql" / "seeds").mkdir()
    (tmp_path / "sql" / "seeds" / "tax_rates.csv").write_text("mine")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))

    found = names(SqlSources.at())

    assert found[-1] == "custom.mine"
    assert "staging.invoices" in found
    assert "staging.theirs" not in found
    seeds = {file.stem: file for file in SqlSources.at().files("seeds", "csv")}
    assert seeds["tax_rates"] == tmp_path / "sql" / "seeds" / "tax_rates.csv"
    assert seeds["holidays"] == sql_folder() / "seeds" / "holidays.csv"


def test_of_two_the_users(sql: Files, tmp_path: Path) -> None:
    """Of two files of one name in custom/ the user's counts."""
    own = sql(custom__a="-- One row of his.\nselect 1 as one")
    (tmp_path / "ours" / "custom").mkdir(parents=True)
    (tmp_path / "ours" / "custom" / "a.sql").write_text("-- One row of ours.\nselect 2 as two")

    found = load_models(SqlSources(tmp_path / "ours", own)).models

    assert [model.grain for model in found] == ["One row of his."]


def test_meanings(sql: Files) -> None:
    """A column means what its name does, or what is said of it in one model."""
    root = sql(staging__a="-- One row.\nselect 1 as x", core__a="-- One row.\nselect 1 as x")
    (root / "columns.csv").write_text('column,meaning\nx,"a, b"\ncore.a.x,"c"\ny,d\n')

    columns = {model.full: model.columns for model in load_models(SqlSources.at(root)).models}

    assert columns["staging.a"]["x"] == "a, b"
    assert columns["core.a"]["x"] == "c"


ADDED = {
    "model": ("staging/a.sql", "-- One row.\nselect 2"),
    "custom": ("custom/mine.sql", "-- One row.\nselect 1"),
    "broken custom": ("custom/mine.sql", "selec"),
    "check": ("checks/sums_agree.sql", "select 1"),
    "seed": ("seeds/tax_rates.csv", "tax_code"),
    "meaning": ("columns.csv", "column,meaning"),
}


@pytest.mark.parametrize("case", ADDED)
def test_digest(sql: Files, case: str) -> None:
    """The digest changes with every file of which the published one is made."""
    root = sql(staging__a="-- One row.\nselect 1")
    before = SqlSources.at(root).digest()
    name, text = ADDED[case]
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)

    assert SqlSources.at(root).digest() != before


def test_digest_of_the_same(sql: Files) -> None:
    """The digest tells a file's new name, and does not change with what is nothing to it."""
    root = sql(staging__a="-- One row.\nselect 1", core__b="-- One row.\nselect 2")
    first = SqlSources.at(root).digest()
    (root / "notes.txt").write_text("none")
    (root / "README.md").write_text("none")
    same = SqlSources.at(root).digest()
    (root / "core" / "b.sql").rename(root / "core" / "c.sql")

    assert first == same
    assert SqlSources.at(root).digest() != first


def test_what_editors_leave(sql: Files) -> None:
    """Hidden files, a link to nothing and a folder stop nothing, whatever they are called."""
    root = sql(staging__a="-- One row.\nselect 1", custom__mine="-- One row.\nselect 1")
    sources = SqlSources.at(root)
    (root / "custom" / ".#mine.sql").symlink_to(root / "nothing")
    hidden = sources.digest()
    (root / "custom" / "gone.sql").symlink_to(root / "nothing")
    (root / "custom" / "folder.sql").mkdir()

    found = load_models(sources)

    assert [model.full for model in found.models] == ["staging.a", "custom.mine"]
    assert [fault.where.split(",")[0].split("/")[-1] for fault in found.left_out] == [
        "folder.sql",
        "gone.sql",
    ]
    assert sources.digest() != hidden
