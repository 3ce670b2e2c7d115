"""Parsing SQL models and ordering them."""

import time
from collections.abc import Callable
from mmap import mmap
from pathlib import Path

import pytest

from p4books.errors import BrokenSql
from p4books.transform.models import (
    Model,
    SqlSources,
    find_header_line,
    find_line,
    load_models,
    parse_model,
    sql_folder,
)
from p4books.transform.vocabulary import ColumnTexts, Vocabulary

Files = Callable[..., Path]

ONE = "-- One row.\nselect 1 as one"
VENDORS = "-- One row per vendor.\nselect id as vendor_id from raw.vendors\n"
FULL = """-- One row per customer and currency.
-- key: customer_id, currency
-- section: Receivables and cash
-- order: balance desc, customer_id
-- question: Who owes us, and how late?
-- query: select customer_name, balance
--   from reporting.receivables
--   where balance > 0
with

open as (
    select * from core.fct_invoice
),

named as (
    select * from open join "core"."dim_customer" using (customer_id)
)

select * from named;
"""


class Parser:
    """Writes a text to a file of its folder, and parses it as a model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self,
        text: str | bytes,
        name: str = "receivables",
        layer: str = "reporting",
        **meanings: str,
    ) -> Model:
        file = self.folder / f"{name}.sql"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return parse_model(
            layer,
            file,
            Vocabulary(
                {
                    key.replace("__", "."): ColumnTexts(meaning_en=text)
                    for key, text in meanings.items()
                }
            ),
        )


@pytest.fixture
def parse(tmp_path: Path) -> Parser:
    """Parse a text as a model of the layer reporting."""
    return Parser(tmp_path)


def test_complete_header(parse: Parser) -> None:
    """The header has grain, key, section, order, question and query, over several lines."""
    model = parse(FULL)

    assert (model.full_name, model.grain) == (
        "reporting.receivables",
        "One row per customer and currency.",
    )
    assert model.key == ("customer_id", "currency")
    assert model.section == "Receivables and cash"
    assert model.sorted_by == "balance desc, customer_id"
    assert model.question == "Who owes us, and how late?"
    assert model.query == (
        "select customer_name, balance from reporting.receivables where balance > 0"
    )
    assert model.reads == {"core.fct_invoice", "core.dim_customer"}
    assert model.published


def test_grain_is_enough(parse: Parser) -> None:
    """A file needs only its grain; everything else is empty then."""
    model = parse(ONE)

    assert (model.key, model.sorted_by, model.question, model.query) == ((), "", "", "")
    assert (model.section, model.published) == ("", True)
    assert model.reads == frozenset()


def test_key_is_the_default_order(parse: Parser) -> None:
    """A model without an order is sorted by its key."""
    assert parse("-- One row.\n-- key: a, b\nselect 1 as a, 2 as b").sorted_by == "a, b"


def test_other_comments(parse: Parser) -> None:
    """Another comment ends a header's text, and comments below the header are not part of it."""
    model = parse(
        "-- One row.\n-- question: Who\n--   is it?\n-- A remark.\n--   going on\n-- query:\n"
        "--   select 1\nselect 1 as one\n-- key: one"
    )

    assert (model.question, model.query, model.key) == ("Who is it?", "select 1", ())


def test_unpublished(parse: Parser) -> None:
    """A model with `published: no` is an intermediate one."""
    assert not parse("-- One row.\n-- published: no\nselect 1 as one").published


def test_published_view(parse: Parser) -> None:
    """A model with `published: view` is published without a table."""
    model = parse("-- One row.\n-- published: view\nselect 1 as one")

    assert (model.published, model.is_view, model.has_table) == (True, True, False)


WRONG_HEADERS = {
    "unknown section": ("reporting", "-- section: Sale", "unknown section 'Sale'; a report has"),
    "section of another layer": ("core", "-- section: Sales", "unknown section 'Sales'"),
    "published": ("reporting", "-- published: never", "published is `yes`, `no` or `view`"),
}


@pytest.mark.parametrize("case", WRONG_HEADERS)
def test_wrong_headers(parse: Parser, case: str) -> None:
    """A header with an unknown value is reported with its line; only reports have a section."""
    layer, header, why = WRONG_HEADERS[case]

    with pytest.raises(BrokenSql, match=rf"receivables\.sql, line 3: {why}"):
        parse(f"-- One row.\n-- key: one\n{header}\nselect 1 as one", layer=layer)


@pytest.mark.parametrize("case", WRONG_HEADERS)
def test_headers_of_custom_models(parse: Parser, case: str) -> None:
    """In a custom model they have no effect."""
    header = WRONG_HEADERS[case][1]

    assert parse(f"-- One row.\n{header}\nselect 1 as one", layer="custom").published


@pytest.mark.parametrize(
    "text",
    [FULL.replace("\n", "\r\n"), b"\xef\xbb\xbf" + FULL.encode()],
    ids=["windows", "byte order mark"],
)
def test_editors(parse: Parser, text: str | bytes) -> None:
    """Line ends and a byte order mark of another system's editor make no difference."""
    model, plain = parse(text), parse(FULL, "plain")

    assert (model.sql, model.key, model.query) == (plain.sql, plain.key, plain.query)


@pytest.mark.parametrize("ending", ["", ";", ";\n\n", "\n-- the end", " ; \n"])
def test_endings(parse: Parser, ending: str) -> None:
    """A semicolon, a comment or blank lines may follow the query."""
    assert parse(f"{ONE}{ending}").sql.startswith(ONE)


READS = {
    "from staging.a, STAGING.B": {"staging.a", "staging.b"},
    "select (select max(x) from core.a) as x": {"core.a"},
    "with a as (from raw.a), b as (from a) from b join c.d on true": {"raw.a", "c.d"},
    "select 1 as x union all select x from core.u": {"core.u"},
    "with recursive r as (select 1 as x union all select x + 1 from r) from r": set(),
    "select * from range(3), unnest([1, 2]) as u(x), 'some.csv', read_csv('o.csv')": set(),
    "select x.y from core.a as x where y in (from core.b)": {"core.a", "core.b"},
}


@pytest.mark.parametrize("text", READS)
def test_reads(parse: Parser, text: str) -> None:
    """The tables that a query reads are found everywhere; CTEs and functions are not tables."""
    assert parse(f"-- One row.\n{text}").reads == READS[text]


UNPARSABLE: dict[str, tuple[str | bytes, int, str]] = {
    "empty": ("", 1, "the first line must be the grain"),
    "no grain": ("select 1 as one", 1, "the first line must be the grain"),
    "two statements": ("-- One row.\nselect 1; select 2", 1, "exactly one SELECT"),
    "no statement": ("-- One row.\n", 1, "exactly one SELECT"),
    "drop": ("-- One row.\ndrop table raw.vendors", 1, "exactly one SELECT"),
    "copy": ("-- One row.\ncopy raw.vendors to 'x.csv'", 1, "exactly one SELECT"),
    "not SQL": ("-- One row.\nselect 1 as one\nfrom (select 2", 3, "syntax error at end of input"),
    "open quote": ("-- One row.\nselect 'one", 2, "unterminated quoted string"),
    "no layer": (
        "-- One row.\nselect *\nfrom staging.a\njoin vendors on true",
        4,
        "vendors has no layer; write LAYER.MODEL, as in staging.invoices",
    ),
    "not UTF-8": (b"-- \xff\xfe", 1, "utf-8"),
}


@pytest.mark.parametrize("case", UNPARSABLE)
def test_unparsable_files(parse: Parser, case: str) -> None:
    """A file that is not a model is reported with the line and the reason."""
    text, line, why = UNPARSABLE[case]

    with pytest.raises(BrokenSql) as caught:
        parse(text)

    assert str(caught.value).startswith(f"{parse.folder / 'receivables.sql'}, line {line}: ")
    assert why in str(caught.value)


@pytest.mark.parametrize("name", ["Receivables", "2026", "my report", "a-b", "ñ"])
def test_names_that_need_quotes(parse: Parser, name: str) -> None:
    """A model's name can be written in a query without quotes."""
    with pytest.raises(BrokenSql, match=rf"{name}\.sql, line 1: a model name has only lower-case"):
        parse(ONE, name)


def test_folder_instead_of_a_file(parse: Parser) -> None:
    """A file that cannot be read is reported."""
    (parse.folder / "a.sql").mkdir()

    with pytest.raises(BrokenSql, match=r"a\.sql, line 1: .*directory"):
        parse_model("reporting", parse.folder / "a.sql", Vocabulary())


def test_meanings_of_columns(parse: Parser) -> None:
    """A column means what its name means, unless its model has a meaning of its own."""
    model = parse(
        FULL, balance="open amount", customer_id="who", reporting__receivables__balance="owed"
    )

    assert (model.columns["balance"], model.columns["customer_id"]) == ("owed", "who")


def test_find_lines(parse: Parser) -> None:
    """A word is found in the query, not in the header; headers are found by their word."""
    model = parse(FULL)

    assert find_line(model, "core.fct_invoice") == 12
    assert find_line(model, "reporting.receivables") == 1
    assert (find_header_line(model, "query"), find_header_line(model, "nothing")) == (6, 1)


def load_names(sources: SqlSources) -> list[str]:
    return [model.full_name for model in load_models(sources).models]


def test_builtin_models() -> None:
    """The models of this project are valid and in order, each with its grain."""
    models = load_models(SqlSources.at()).models

    positions = {model.full_name: position for position, model in enumerate(models)}
    assert positions["staging.invoices_history"] < positions["staging.invoices"]
    for model in models:
        assert model.grain.startswith("One row"), model.full_name
        reads = [positions[read] for read in model.reads if read in positions]
        assert all(read < positions[model.full_name] for read in reads)


def test_order(sql: Files) -> None:
    """A model comes after those it reads, regardless of their names."""
    root = sql(
        staging__z=ONE,
        staging__b="-- One row.\nwith a as (select * from staging.c) select * from a",
        staging__c='-- One row.\nselect (select max(one) from "staging"."z") as one',
        core__a="-- One row.\nselect * from STAGING.B where one in (from staging.z)",
        reporting__a="-- One row.\nselect * from core.a",
    )

    models = load_models(SqlSources.at(root)).models

    names = [model.full_name for model in models]
    assert names == ["staging.z", "staging.c", "staging.b", "core.a", "reporting.a"]
    assert models[3].reads == {"staging.b", "staging.z"}


BROKEN = {
    "unknown table": ("select *\nfrom staging.nothing", 3, "staging.nothing does not exist"),
    "unknown layer": ("select *\n\nfrom mart.thing", 4, "unknown layer mart; the layers are raw,"),
    "user's table": ("select *\nfrom seeds.targets", 3, "unknown layer seeds"),
    "higher layer": ("select *\nfrom core.fine", 3, "it reads core.fine, which is in a higher"),
    "custom": ("select * from custom.mine", 2, "it reads custom.mine, which is in a higher layer"),
    "itself": ("select * from staging.broken", 1, "circular dependency: staging.broken"),
    "drop": ("drop table raw.vendors", 1, "the file must contain exactly one SELECT"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_builtin_models(sql: Files, case: str) -> None:
    """A built-in model that cannot be built is an error, with the line and the reason."""
    text, line, why = BROKEN[case]
    root = sql(core__fine=ONE, custom__mine=ONE, staging__broken=f"-- One row.\n{text}")

    with pytest.raises(BrokenSql) as caught:
        load_models(SqlSources.at(root))

    assert str(caught.value).startswith(f"{root / 'staging' / 'broken.sql'}, line {line}: {why}")


def test_circular_dependency(sql: Files) -> None:
    """Models that read each other are reported with the whole cycle."""
    root = sql(
        staging__a="-- One row.\nselect * from staging.b",
        staging__b="-- One row.\nselect * from staging.c",
        staging__c="-- One row.\nselect * from staging.a",
    )

    with pytest.raises(
        BrokenSql, match=r"staging/[abc]\.sql, line 1: circular dependency: staging\..* → "
    ):
        load_models(SqlSources.at(root))


def test_custom_models_come_last(sql: Files) -> None:
    """Custom models may read every layer and each other; they come after all others."""
    root = sql(
        custom__a="-- One row.\nselect * from custom.b",
        custom__b="-- One row.\nselect * from reporting.r join raw.vendors on true",
        reporting__r=ONE,
        staging__z=ONE,
    )

    names = load_names(SqlSources.at(root))

    assert set(names[:2]) == {"reporting.r", "staging.z"}
    assert names[2:] == ["custom.b", "custom.a"]
    assert load_models(SqlSources.at(root)).left_out == []


LEFT_OUT = {
    "not SQL": ("select 1 as one\nfrom (select 2", 3, "syntax error at end of input"),
    "two statements": ("select 1;\nselect 2", 1, "the file must contain exactly one SELECT"),
    "unknown table": ("select *\nfrom staging.vendor", 3, "staging.vendor does not exist"),
    "unknown layer": ("select * from marts.vendors", 2, "unknown layer marts"),
    "no CSV file": (
        "select *\nfrom seeds.target",
        3,
        "seeds.target does not exist; there is no sql/seeds/target.csv",
    ),
    "no layer": ("select *\nfrom vendors", 3, "vendors has no layer; write LAYER.MODEL"),
    "itself": ("select * from custom.broken", 1, "dependency: custom.broken → custom.broken"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_broken_custom_model(sql: Files, case: str) -> None:
    """A broken custom model is left out and reported with file and line; the others stay."""
    text, line, why = LEFT_OUT[case]
    root = sql(
        staging__vendors=VENDORS,
        custom__fine="-- One row.\nselect * from staging.vendors",
        custom__broken=f"-- One row.\n{text}",
    )

    models = load_models(SqlSources.at(root))

    assert [model.full_name for model in models.models] == ["staging.vendors", "custom.fine"]
    (error,) = models.left_out
    assert error.where.startswith(f"{root / 'custom' / 'broken.sql'}, line {line}: ")
    assert why in error.where


def test_unparsable_custom_models(sql: Files) -> None:
    """Custom models without a grain, not in UTF-8 or with an invalid name are left out."""
    root = sql(custom__none="select 1 as one", custom__bytes="", custom__Top_10="-- One.\nselect 1")
    (root / "custom" / "bytes.sql").write_bytes(b"-- \xff\xfe")

    models = load_models(SqlSources.at(root))

    errors = [error.where.rpartition("/")[2] for error in models.left_out]
    assert models.models == []
    assert errors[0].startswith("Top_10.sql, line 1: a model name has only lower-case letters")
    assert errors[1].startswith("bytes.sql, line 1: 'utf-8' codec can't decode")
    assert errors[2].startswith("none.sql, line 1: the first line must be the grain, as in `-- One")


def test_circular_dependency_of_custom_models(sql: Files) -> None:
    """Models in a cycle are reported with it, models that read them as blocked."""
    root = sql(
        custom__a="-- One row.\nselect * from custom.b",
        custom__b="-- One row.\nselect * from custom.c",
        custom__c="-- One row.\nselect * from custom.a",
        custom__d="-- One row.\nselect * from custom.e",
        custom__e="-- One row.\nselect * from custom.a",
        custom__f="-- One row.\nselect *\nfrom custom.g",
        custom__g="-- One row.\nselec 1",
        custom__h=ONE,
    )

    models = load_models(SqlSources.at(root))

    errors = {error.where.partition(".sql")[0][-1]: error.where for error in models.left_out}
    assert [model.full_name for model in models.models] == ["custom.h"]
    assert "line 1: circular dependency: custom.a → custom.b → custom.c → custom.a." in errors["a"]
    assert "line 1: circular dependency: custom.b → custom.c → custom.a → custom.b." in errors["b"]
    assert "line 2: it reads custom.e, which was left out." in errors["d"]
    assert "line 2: it reads custom.a, which was left out." in errors["e"]
    assert "line 3: it reads custom.g, which was left out." in errors["f"]
    assert sorted(errors) == list("abcdefg")


def test_folders_of_an_installed_package(
    sql: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models come from the package, custom/ and seeds/ from the project's folder too."""
    sql(custom__mine="-- One row.\nselect * from staging.vendors", staging__theirs=ONE)
    (tmp_path / "sql" / "seeds").mkdir()
    (tmp_path / "sql" / "seeds" / "tax_rates.csv").write_text("mine")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))

    names = load_names(SqlSources.at())

    assert names[-1] == "custom.mine"
    assert "staging.invoices" in names
    assert "staging.theirs" not in names
    seeds = {file.stem: file for file in SqlSources.at().files("seeds", "csv")}
    assert seeds["tax_rates"] == tmp_path / "sql" / "seeds" / "tax_rates.csv"
    assert seeds["holidays"] == sql_folder() / "seeds" / "holidays.csv"


def test_users_file_replaces_builtin_one(sql: Files, tmp_path: Path) -> None:
    """If both folders have a custom model of the same name, the user's is used."""
    user = sql(custom__a="-- One row of the user.\nselect 1 as one")
    (tmp_path / "builtin" / "custom").mkdir(parents=True)
    (tmp_path / "builtin" / "custom" / "a.sql").write_text(ONE)

    models = load_models(SqlSources(tmp_path / "builtin", user)).models

    assert [model.grain for model in models] == ["One row of the user."]


def test_load_meanings(sql: Files) -> None:
    """columns.csv has meanings by the name of a column, or by layer.model.column."""
    root = sql(staging__a="-- One row.\nselect 1 as x", core__a="-- One row.\nselect 1 as x")
    (root / "columns.csv").write_text('column,meaning\nx,"a, b"\ncore.a.x,"c"\ny,d\n')

    columns = {model.full_name: model.columns for model in load_models(SqlSources.at(root)).models}

    assert columns["staging.a"]["x"] == "a, b"
    assert columns["core.a"]["x"] == "c"


@pytest.mark.parametrize("name", ["staging/a.sql", "custom/a.sql", "columns.csv"])
def test_load_again(sql: Files, name: str) -> None:
    """Models that were loaded before are loaded again if a file changed, and only then."""
    root = sql(staging__a="-- One row.\nselect 1 as x", custom__a="-- One row.\nselect 1 as x")
    sources = SqlSources.at(root)
    first = load_models(sources)
    parsed = [*first.models]
    first.models.clear()  # a caller's list is its own
    second = load_models(sources)
    (root / name).write_text("column,meaning\nx,it" if name.endswith("csv") else ONE + ", 2 as y")
    third = load_models(sources)

    assert [*map(id, second.models)] == [*map(id, parsed)]
    assert third.models != parsed


def test_load_after_a_fault(sql: Files) -> None:
    """If a model was left out, all are parsed again: it may be there when its disk answers."""
    sources = SqlSources.at(sql(staging__a="-- One row.\nselect 1 as x", custom__a="select"))
    first, second = load_models(sources), load_models(sources)

    assert len(second.left_out) == 1
    assert first.models == second.models
    assert first.models[0] is not second.models[0]


def test_load_after_a_copy_was_removed(sql: Files, tmp_path: Path) -> None:
    """If a user's file goes that is the same as ours, then ours is read from its own place."""
    user = sql(seeds__a="")
    for folder in (tmp_path / "builtin" / "seeds", user / "seeds"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "holidays.csv").write_text("day")
    sources = SqlSources(tmp_path / "builtin", user)
    before = load_models(sources).seeds
    (user / "seeds" / "holidays.csv").unlink()

    assert before == [user / "seeds" / "holidays.csv"]
    assert load_models(sources).seeds == [tmp_path / "builtin" / "seeds" / "holidays.csv"]


def digests(root: Path) -> list[str]:
    sources = SqlSources.at(root)
    return [sources.digest(), sources.digest_inputs()]


CHANGES = {
    "model": ("staging/a.sql", "-- One row.\nselect 2"),
    "custom": ("custom/mine.sql", "-- One row.\nselect 1"),
    "broken custom": ("custom/mine.sql", "selec"),
    "check": ("checks/sums_agree.sql", "select 1"),
    "seed": ("seeds/tax_rates.csv", "tax_code"),
    "meaning": ("columns.csv", "column,meaning"),
    "macros": ("macros.sql", "create macro twice(amount) as 2 * amount;"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_digest_changes(sql: Files, case: str) -> None:
    """One digest changes with every file from which a published file is made: that of the inputs
    with custom models and seeds, which leave other tables as they are."""
    root = sql(staging__a="-- One row.\nselect 1")
    before = digests(root)
    name, text = CHANGES[case]
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)

    changed = [one != other for one, other in zip(before, digests(root), strict=True)]
    assert changed == ([False, True] if name.startswith(("custom/", "seeds/")) else [True, False])


def test_digest_is_stable(sql: Files) -> None:
    """The digest depends on the names of the files, and not on files of other types."""
    root = sql(staging__a="-- One row.\nselect 1", core__b="-- One row.\nselect 2")
    first = SqlSources.at(root).digest()
    (root / "notes.txt").write_text("none")
    (root / "README.md").write_text("none")
    same = SqlSources.at(root).digest()
    (root / "core" / "b.sql").rename(root / "core" / "c.sql")

    assert first == same
    assert SqlSources.at(root).digest() != first


def test_leftovers_of_editors(sql: Files) -> None:
    """Hidden files are ignored; a dangling link or a folder is an error of that model only."""
    root = sql(staging__a="-- One row.\nselect 1", custom__mine="-- One row.\nselect 1")
    sources = SqlSources.at(root)
    (root / "custom" / ".#mine.sql").symlink_to(root / "nothing")
    before = sources.digest_inputs()
    (root / "custom" / "gone.sql").symlink_to(root / "nothing")
    (root / "custom" / "folder.sql").mkdir()

    models = load_models(sources)

    assert [model.full_name for model in models.models] == ["staging.a", "custom.mine"]
    assert [error.where.split(",")[0].split("/")[-1] for error in models.left_out] == [
        "folder.sql",
        "gone.sql",
    ]
    assert sources.digest_inputs() != before


def test_digest_of_a_file_read_before(sql: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is noticed, although what did not change for long is not read again."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 60)
    root = sql(staging__vendors=VENDORS)
    before = digests(root)

    (root / "staging" / "vendors.sql").write_text(VENDORS + "limit 1")

    assert digests(root)[0] != before[0]


def test_digest_within_a_tick(sql: Files) -> None:
    """A change is noticed that leaves a file as large and as old as it was a moment ago."""
    root = sql(staging__vendors=VENDORS + "limit 1")
    found = []
    with (root / "staging" / "vendors.sql").open("r+b") as file, mmap(file.fileno(), 0) as content:
        for digit in b"234":  # in memory: only the first one changes the time of the file
            content[-1] = digit
            found.append(digests(root)[0])

    assert len(set(found)) == 3
