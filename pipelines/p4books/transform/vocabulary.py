"""Names of models and columns for people, in English and Spanish.

They come from CSV files beside the SQL: `columns.csv`, `models.csv`, `sections.csv` and
`values.csv`. The user's own columns can be named in `sql/custom/columns.csv`.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from p4books.errors import BrokenSeed, BrokenSql
from p4books.transform.csv_file import check_width, read_csv_rows

COLUMN_FIELDS = ("column", "label_en", "label_es", "meaning", "meaning_es")  # of columns.csv


@dataclass(frozen=True)
class ColumnTexts:
    """What a column is called, and what it means; empty if that is not written anywhere."""

    label_en: str = ""
    label_es: str = ""
    meaning_en: str = ""
    meaning_es: str = ""


@dataclass(frozen=True)
class ModelTexts:
    """Titles of a model, and the Spanish of its question and grain; English is in its header."""

    title_en: str = ""
    title_es: str = ""
    question_es: str = ""
    grain_es: str = ""


@dataclass(frozen=True)
class ValueTexts:
    """What a word that the models put into a column is called."""

    column: str
    value: str
    label_en: str
    label_es: str


@dataclass(frozen=True)
class Vocabulary:
    """All names for people.

    `columns` is by column, or by layer.model.column where one differs; `own_columns` are the
    user's, for custom models. `models` is by layer.model, `sections` by section or layer.
    """

    columns: Mapping[str, ColumnTexts] = field(default_factory=dict)
    own_columns: Mapping[str, ColumnTexts] = field(default_factory=dict)
    models: Mapping[str, ModelTexts] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    values: tuple[ValueTexts, ...] = ()

    def describe_column(self, model: str, column: str) -> ColumnTexts:
        """Return the texts of a column of a model, which is named as layer.model."""
        own = self.own_columns if model.startswith("custom.") else {}
        names = (f"{model}.{column}", column)
        found = [texts[name] for texts in (own, self.columns) for name in names if name in texts]
        return ColumnTexts(
            *(
                next(filter(None, (getattr(texts, part.name) for texts in found)), "")
                for part in fields(ColumnTexts)
            )
        )

    def list_meanings(self, model: str) -> dict[str, str]:
        """Return the English meanings of all names of columns, as a model has them."""
        texts = {**self.columns, **(self.own_columns if model.startswith("custom.") else {})}
        meanings = {name: column.meaning_en for name, column in texts.items()}
        prefix = f"{model}."
        own = [name for name in meanings if name.startswith(prefix)]
        return meanings | {name.removeprefix(prefix): meanings[name] for name in own}


def load_vocabulary(folder: Path) -> Vocabulary:
    """Load the names that come with the SQL in a folder; files that it lacks have no names."""
    columns = {row["column"]: _column_texts(row) for row in _read_rows(folder / "columns.csv")}
    models = {
        row["model"]: ModelTexts(**{part.name: row[part.name] for part in fields(ModelTexts)})
        for row in _read_rows(folder / "models.csv")
    }
    sections = {row["section"]: row["label_es"] for row in _read_rows(folder / "sections.csv")}
    values = tuple(ValueTexts(**row) for row in _read_rows(folder / "values.csv"))
    return Vocabulary(columns, {}, models, sections, values)


def add_own_columns(vocabulary: Vocabulary, file: Path) -> tuple[Vocabulary, list[BrokenSql]]:
    """Add the user's names of columns; a file with a fault is left out, and returned as an error.

    The header of the file has some of COLUMN_FIELDS, `column` among them.
    """
    if not file.is_file():
        return vocabulary, []
    try:
        own = dict(_read_own_columns(file))
    except BrokenSeed as error:
        return vocabulary, [error]
    return replace(vocabulary, own_columns=own), []


def _read_own_columns(file: Path) -> Iterator[tuple[str, ColumnTexts]]:
    rows = read_csv_rows(file)
    line, header = next(rows, (1, []))
    if "column" not in header or not set(header) <= {*COLUMN_FIELDS, ""}:
        raise BrokenSeed(file, line, f"its columns must be some of {', '.join(COLUMN_FIELDS)}")
    for line, cells in rows:
        check_width(file, line, header, cells)
        row = dict(zip(header, cells, strict=False))
        yield row["column"], _column_texts(row)


def _column_texts(row: Mapping[str, str]) -> ColumnTexts:
    return ColumnTexts(
        row.get("label_en", ""),
        row.get("label_es", ""),
        row.get("meaning", ""),
        row.get("meaning_es", ""),
    )


def _read_rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
