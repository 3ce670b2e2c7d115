"""Vocabulary: labels, titles and meanings in English and Spanish, from the CSV files of the SQL,
and the words of what people read.

Columns of the published models are read from the golden files, which have one of each model.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain

import pytest
from tests.sql.books import MODELS
from tests.sql.test_golden import GOLDEN

from p4books.endpoints import ENDPOINTS
from p4books.errors import ApiError
from p4books.extract.scan import ReadMode
from p4books.publish.language import Language
from p4books.transform.models import LAYERS, SECTIONS, sql_folder

Row = dict[str, str]
PUBLISHED = {model.full_name: model for model in MODELS if model.published}
LABEL_LENGTH, TITLE_LENGTH = 28, 45  # a column header and a sheet's title that nobody must widen

# Labels that are the same in both languages: abbreviations, and words that both have.
SAME = {"NO", "ITBMS", "Base", "Total", "A", "B", "C", "Error", "error", "Excel", "p4books"}
NAMES = {"ABC", "API", "Books", "DSO", "DV", "English", "Form", "Formulario", "Id", "ISO", "ITBMS"}
NAMES |= {"P4", "RUC", "Spanish"}
ENGLISH = {"the", "of", "and", "with", "is", "are", "from", "not", "for", "its", "by", "if", "to"}
# Words that have an accent wherever they are in a Spanish text of ours.
UNACCENTED = re.compile(
    r"\b(?:\w+cion|antiguedad|ano|atras|codigo|credito|debito|dias?|direccion|habil|limite|lineas?"
    r"|mas|maximo|numeros?|ordenes|pais|periodos?|proximo|telefono|ultim[oa]s?|unic[oa]|vacio"
    r"|version)\b",
    re.IGNORECASE,
)

# Spanish words for which the glossary in sql/README.md has another one.
AVOIDED = re.compile(
    r"\b(?:artículos?|cobranzas?|corridas?|costes?|importes?|IVA|orden(?:es)? de venta|tasas?"
    r"|(?<!\()abiert[oa]s?)\b",  # in brackets, and as a value, it is the status Open of P4 Books
    re.IGNORECASE,
)

# What P4 Books itself puts into a column, by its contract. Anything else may come, too.
_ORDERS = ("Open", "Closed", "Cancelled")
_SOLD, _BOUGHT = ("PartiallyFulfilled", "Fulfilled"), ("PartiallyReceived", "Received")
_INVOICES = ("Draft", "Posted", "PartiallyPaid", "Paid", "Void")
CONTRACT: Mapping[str, tuple[str, ...]] = {
    "address_type": ("Billing", "Shipping", "Both"),
    "customer_status": ("active", "inactive"),
    "invoice_status": _INVOICES,
    "product_status": ("active", "inactive"),
    "product_type": ("Inventory", "Service", "NonInventory"),
    "purchase_order_status": (*_ORDERS, *_BOUGHT),
    "sales_order_status": (*_ORDERS, *_SOLD),
    "status": (*_ORDERS, *_SOLD, *_BOUGHT),
    "status_before": (*_ORDERS, *_SOLD, *_BOUGHT, *_INVOICES),
    "vendor_status": ("active", "inactive"),
}
# Words that come from elsewhere than the SQL.
ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "certainty": ("H", "M", "L"),
    "endpoint": tuple(ENDPOINTS),
    "fate": ("void", "cancelled", "canceled", "deleted"),
    "filled_with": ("sales", "sales total", "returns", "debit", "withholding"),
    "outcome": ("done", "goes on", *(error.__name__ for error in ApiError.__subclasses__())),
    "read_mode": tuple(mode.value for mode in ReadMode),
    "tax_date": ("document", "posting"),
    **{
        f"{kind}_name": ("(none)",) for kind in ("customer", "vendor", "product", "party", "record")
    },
    "weekday_name": tuple(
        f"{day}day" for day in ("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun")
    ),
}
# Columns with ids, names or codes of the books, of which only the words in brackets are ours.
FROM_BOOKS = {"box", "rate_name", "tax_code"} | {
    f"{party}_{kind}"
    for party in ("customer", "vendor", "product", "party", "record")
    for kind in ("id", "name")
}
FREE_TEXT = {"box_label", "box_label_en", "detail", "detail_es", "label_en", "label_es", "place"}
FREE_TEXT |= {"place_es", "entity_id", "record_code"}


@cache
def read(name: str) -> list[Row]:
    """Read a file of the vocabulary."""
    with (sql_folder() / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@cache
def golden() -> dict[str, tuple[list[str], dict[str, set[str]]]]:
    """Return the columns of each published model, and the values that they have."""
    found = {}
    for name in PUBLISHED:
        with (GOLDEN / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            columns, *rows = csv.reader(file)
        found[name] = (columns, {c: {row[i] for row in rows} for i, c in enumerate(columns)})
    return found


def texts() -> Iterator[tuple[str, str, str]]:
    """Yield each place, and the text there in English and in Spanish."""
    for row in read("columns"):
        yield f"columns {row['column']} label", row["label_en"], row["label_es"]
        yield f"columns {row['column']} meaning", row["meaning"], row["meaning_es"]
    for row in read("models"):
        model = PUBLISHED.get(row["model"])
        yield f"models {row['model']} title", row["title_en"], row["title_es"]
        yield f"models {row['model']} question", model.question if model else "", row["question_es"]
        yield f"models {row['model']} grain", model.grain if model else "", row["grain_es"]
    for row in read("sections"):
        yield f"sections {row['section']}", row["section"], row["label_es"]
    for row in read("values"):
        yield f"values {row['column']} {row['value']}", row["label_en"], row["label_es"]
    english, spanish = (Language(code).words() for code in ("en", "es"))
    for name, text in english.items():
        yield f"words {name}", text, spanish[name]


def test_every_text_is_in_both_languages() -> None:
    """No text is missing, ends with a blank, or is longer in lines than one."""
    both = [*texts()]

    assert [place for place, en, es in both if not (en and es)] == []
    assert [place for place, *pair in both if any(t != " ".join(t.split()) for t in pair)] == []


def test_every_column_has_labels() -> None:
    """Each column of each published model has a row, and no two columns of a model one label."""
    rows = {row["column"]: row for row in read("columns")}
    missing, twice = [], []
    for model, (columns, _) in golden().items():
        chosen = [rows.get(f"{model}.{name}") or rows.get(name) for name in columns]
        missing += [f"{model}.{c}" for c, row in zip(columns, chosen, strict=True) if not row]
        for label in ("label_en", "label_es"):
            counts = Counter(row[label] for row in chosen if row)
            twice += [f"{model}: {text}" for text, count in counts.items() if count > 1]

    assert missing == []
    assert twice == []


KEYS: Mapping[str, Callable[[Row], tuple[str, ...]]] = {
    "columns": lambda row: (row["column"].split(".")[-1], row["column"].rpartition(".")[0]),
    "models": lambda row: (row["model"],),
    "values": lambda row: (row["column"], row["value"]),
}


@pytest.mark.parametrize("name", KEYS)
def test_files_are_sorted(name: str) -> None:
    """Each file is sorted without duplicates, so that a row is found, and conflicts are few."""
    keys = [KEYS[name](row) for row in read(name)]

    assert keys == sorted(set(keys))


def test_no_unused_column() -> None:
    """Each row of a column belongs to a published model, and differs from the general one."""
    rows = {row["column"]: row for row in read("columns")}
    used = {
        full if (full := f"{model}.{name}") in rows else name
        for model, (columns, _) in golden().items()
        for name in columns
    }
    echoes = [
        name
        for name, row in rows.items()
        if "." in name
        and {**row, "column": ""} == {**rows.get(name.split(".")[2], row), "column": ""}
        and name.split(".")[2] in rows
    ]

    assert sorted(rows.keys() - used) == []
    assert echoes == []


def test_every_model_and_section_is_named() -> None:
    """Each published model has a row with titles of its own, and each section and layer has one."""
    rows = read("models")

    assert {row["model"] for row in rows} == PUBLISHED.keys()
    for title in ("title_en", "title_es"):
        titles = Counter((row["model"].split(".")[0], row[title]) for row in rows)
        assert [name for name, count in titles.items() if count > 1] == []
        assert [t for _, t in titles if len(t) > TITLE_LENGTH] == []
    assert [row["section"] for row in read("sections")] == [*SECTIONS, *LAYERS[1:]]


def test_labels_are_headers() -> None:
    """A label is short, in sentence case, and not the name of a column."""
    labels = [label for place, *pair in texts() if place.endswith(" label") for label in pair]
    words = {label: re.findall(r"\w+", label)[1:] for label in labels}

    assert [label for label in labels if len(label) > LABEL_LENGTH] == []
    assert [label for label in labels if not (label[0].isupper() or label[0].isdigit())] == []
    assert [label for label in labels if re.search(r"_|(?<! no)[.,;:]$", label)] == []
    assert [
        label
        for label, rest in words.items()
        if any(word[0].isupper() and word not in NAMES for word in rest)
    ] == []


def test_spanish_is_spanish() -> None:
    """A Spanish text is not the English one, has its accents and the terms of the glossary, and
    English only as a quoted word."""
    quoted = sorted({row["value"] for row in read("values")}, key=len, reverse=True)
    quotes = re.compile("|".join(rf"\b{re.escape(value)}(?= \()" for value in quoted))
    same, foreign, plain, avoided = [], [], [], []
    for place, en, es in texts():
        own = re.sub(r"`[^`]*`|{\w+}", "", quotes.sub("", es))
        if en == es and es not in SAME:
            same.append(place)
        if found := ENGLISH & set(re.findall(r"\w+", own.lower())):
            foreign.append(f"{place}: {', '.join(found)}")
        if UNACCENTED.search(re.sub(r"\S*_\S*", "", own)):
            plain.append(f"{place}: {es}")
        if not place.endswith(" Open"):
            avoided += [f"{place}: {word}" for word in AVOIDED.findall(own)]

    assert same == []
    assert foreign == []
    assert plain == []
    assert avoided == []


def test_spanish_has_the_marks_of_the_english() -> None:
    """A question has both its marks; a sentence ends as in English; figures are the same."""
    both = {place: (en, es) for place, en, es in texts()}
    questions = [es for place, (_, es) in both.items() if place.endswith(" question")]

    assert [es for es in questions if not (es.startswith("¿") and es.endswith("?"))] == []
    assert [
        place
        for place, (en, es) in both.items()
        if en.removesuffix(" no.").endswith(".") != es.endswith(".")
    ] == []
    assert [
        place
        for place, (en, es) in both.items()
        if place.startswith("columns")
        and sorted(re.findall(r"\d+(?:\.\d+)?(?: %)?", en))
        != sorted(re.findall(r"\d+(?:\.\d+)?(?: %)?", es))
    ] == []


def find_literals(sql: str) -> Iterator[tuple[str, str]]:
    """Yield the columns that a query gives words to, and the words."""
    yield from ((name, word) for word, name in re.findall(r"'([^']*)'\s+as (\w+)", sql))
    parts = (
        (r"\bcase\b((?:(?!\bcase\b).)*?)\bend\s+as (\w+)", r"(?:then|else)\s+'([^']*)'"),
        (r"\bif\(((?:[^()]|\([^()]*\))*)\)\s+as (\w+)", r",\s*'([^']*)'"),
        (r"\bcoalesce\(((?:[^()]|\([^()]*\))*)\)\s+as (\w+)", r",\s*'([^']*)'\s*$"),
    )
    for expression, words in parts:
        for text, name in re.findall(expression, sql, re.DOTALL):
            yield from ((name, word) for word in re.findall(words, text))


@cache
def literals() -> dict[str, set[str]]:
    """Return the words that the models put into published columns, by column."""
    published = set(chain.from_iterable(columns for columns, _ in golden().values()))
    found: dict[str, set[str]] = defaultdict(set)
    files = [sql_folder() / "macros.sql", *(model.file for model in MODELS)]
    for file in files:
        for name, word in find_literals(re.sub(r"--.*", "", file.read_text(encoding="utf-8"))):
            if word and name in published - FREE_TEXT and not name.startswith("is_"):
                found[name].add(word)
    return found


def test_every_word_of_the_models_has_labels() -> None:
    """Each word that the SQL, a run or P4 Books puts into a column has a row, and no other does."""
    rows = {(row["column"], row["value"]) for row in read("values")}
    made = {(name, word) for name, words in literals().items() for word in words}
    given = {(n, word) for known in (CONTRACT, ELSEWHERE) for n in known for word in known[n]}
    brackets = {
        (name, value)
        for _, values in golden().values()
        for name in FROM_BOOKS & values.keys()
        for value in values[name]
        if re.fullmatch(r"\(\w+\)", value)
    }

    assert len(made) > 60
    assert sorted(rows - (made | given | brackets)) == []
    assert sorted((made | given | brackets) - rows) == []


def test_golden_words_have_labels() -> None:
    """Each word in the golden files has a row, but for those that came from the books."""
    rows = {(row["column"], row["value"]) for row in read("values")}
    open_columns = FROM_BOOKS | CONTRACT.keys()

    assert [
        (model, name, value)
        for model, (_, values) in golden().items()
        for name in values.keys() & {column for column, _ in rows} - open_columns
        for value in values[name]
        if value and (name, value) not in rows
    ] == []
