"""Names of models and columns for people."""

from collections.abc import Callable
from pathlib import Path

import pytest

from p4books.transform.models import SqlSources, load_models
from p4books.transform.vocabulary import ColumnTexts, Vocabulary

Files = Callable[..., Path]

REPORT = "-- One row.\n-- title_es: Lo mío\nselect 1 as balance, 2 as weight, 3 as odd"


def load(root: Path) -> tuple[Vocabulary, list[str]]:
    models = load_models(SqlSources.at(root))
    return models.vocabulary, [fault.where.partition("custom/")[2] for fault in models.left_out]


def test_columns_of_a_model() -> None:
    """A column is named by its own row, what that lacks by the row of its name."""
    vocabulary = Vocabulary(
        {
            "balance": ColumnTexts("Balance", "Saldo", "What is open", "Lo pendiente"),
            "core.a.balance": ColumnTexts("Owed", "Adeudado"),
        },
        {"balance": ColumnTexts("Mine")},
    )

    assert vocabulary.describe_column("core.a", "balance") == ColumnTexts(
        "Owed", "Adeudado", "What is open", "Lo pendiente"
    )
    assert vocabulary.describe_column("core.b", "balance").label_en == "Balance"
    assert vocabulary.describe_column("custom.c", "balance").label_en == "Mine"
    assert vocabulary.describe_column("custom.c", "balance").label_es == "Saldo"
    assert vocabulary.describe_column("core.a", "odd") == ColumnTexts()


def test_own_names(sql: Files) -> None:
    """The user names columns of custom reports in a file beside them, and titles in headers."""
    root = sql(custom__a=REPORT)
    (root / "columns.csv").write_text("column,meaning\nbalance,What is open\n")
    (root / "custom" / "columns.csv").write_text(
        "column;label_es;meaning\nweight;Peso;In kilograms\n\ncustom.a.odd;Raro;\n"
    )

    (model,) = load_models(SqlSources.at(root)).models
    vocabulary, faults = load(root)

    assert faults == []
    assert model.texts.title_es == "Lo mío"
    assert model.columns == {"balance": "What is open", "weight": "In kilograms"} | dict.fromkeys(
        ("odd", "custom.a.odd"), ""
    )
    assert vocabulary.describe_column("custom.a", "weight").label_es == "Peso"
    assert vocabulary.describe_column("custom.a", "odd").label_es == "Raro"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name,label_es\na,b\n", "columns.csv, line 1: its columns must be some of column, "),
        ("column,label\na,b\n", "columns.csv, line 1: its columns must be some of column, "),
        ("column,label_es\na,b,c\n", "columns.csv, line 2: it has 3 values for 2 columns"),
        ("", "columns.csv, line 1: its columns must be some of column, "),
    ],
)
def test_broken_own_names(sql: Files, text: str, fault: str) -> None:
    """A file of names with a fault is left out, and stops no report."""
    root = sql(custom__a=REPORT)
    (root / "custom" / "columns.csv").write_text(text)

    vocabulary, (found,) = load(root)

    assert found.startswith(fault)
    assert vocabulary.own_columns == {}
    assert [model.name for model in load_models(SqlSources.at(root)).models] == ["a"]


def test_own_names_are_part_of_the_inputs(sql: Files) -> None:
    """A name that was changed is published by the next run."""
    root = sql(custom__a=REPORT)
    before = SqlSources.at(root).digest_inputs()

    (root / "custom" / "columns.csv").write_text("column,label_es\nweight,Peso\n")

    assert SqlSources.at(root).digest_inputs() != before
