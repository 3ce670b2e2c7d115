"""Tests of the rule by which two texts are the same name."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books.spelling import canonical_id, clean_name, find_spelling, fold_name, is_same_name
from p4books.transform.models import sql_folder

SAME = {
    "case": ("C-1", "c-1"),
    "case of accents": ("CAFÉ", "café"),
    "line end": ("C-1", "C-1\r\n"),
    "spaces around": ("C-1", "  C-1\t"),
    "spaces between": ("ZONA LIBRE", "Zona  Libre"),
    "no-break space": ("ZONA LIBRE", "ZONA\u00a0LIBRE"),
    "zero width space": ("C-1", "\u200bC-1"),
    "byte order mark": ("C-1", "\ufeffC-1"),
    "soft hyphen": ("CARGO", "CAR\u00adGO"),
    "direction mark": ("C-1", "\u202aC-1\u202c"),
    "word joiner": ("C-1", "C\u2060-1"),
    "filler": ("C-1", "C-1\u3164"),
    "variation selector": ("C-1", "C-1\ufe0f"),
    "control character": ("C-1", "C\x1b-1"),
    "composed": ("Ñandú", "N\u0303andu\u0301"),
    "composed in capitals": ("ÑANDÚ", "n\u0303andu\u0301"),
    "decimals of a whole number": ("1", "1.0"),
    "more decimals": ("100", "100.000"),
    "negative": ("-1", "-1.0"),
}
DIFFERENT = {
    "letters": ("C-1", "C-2"),
    "accents": ("cana", "caña"),
    "leading zeros": ("001", "1"),
    "decimals": ("1.10", "1.1"),
    "versions": ("1.0.0", "1"),
    "words": ("ZONALIBRE", "ZONA LIBRE"),
    "hyphens": ("C-1", "C1"),
}


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database that has the macros of the models."""
    with duckdb.connect() as con:
        con.execute((sql_folder() / "macros.sql").read_text(encoding="utf-8"))
        yield con


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_same_name(one: str, other: str, sql: duckdb.DuckDBPyConnection) -> None:
    """What nobody can tell apart is one name, in Python and in SQL."""
    assert is_same_name(one, other)
    assert sql.execute("select code_key(?) = code_key(?)", [one, other]).fetchone() == (True,)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_names(one: str, other: str, sql: duckdb.DuckDBPyConnection) -> None:
    """What a person can tell apart is two names, in Python and in SQL."""
    assert not is_same_name(one, other)
    assert sql.execute("select code_key(?) = code_key(?)", [one, other]).fetchone() == (False,)


@given(st.text(max_size=9))
def test_cleaned_and_folded_once(text: str) -> None:
    """To clean or fold a name again changes nothing, and what is seen of it stays."""
    assert clean_name(clean_name(text)) == clean_name(text)
    assert fold_name(fold_name(text)) == fold_name(text)
    assert is_same_name(text, clean_name(text))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\u200bC-1\n", "C-1"),
        ("Zona\u00a0Libre", "Zona Libre"),
        ("n\u0303", "ñ"),
        ("C-1", "C-1"),
        ("ab  c", "ab  c"),
        ("\u200b\ufeff ", ""),
    ],
)
def test_clean_name(text: str, seen: str) -> None:
    """What is sent of a name is what a person sees of it."""
    assert clean_name(text) == seen


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("1.0", "1"),
        ("1", "1"),
        (" 1\n", "1"),
        ("007", "007"),
        ("AbC", "AbC"),
        ("5F0C8A52-6B1D-4E7A-9C3E-0A1B2C3D4E5F", "5f0c8a52-6b1d-4e7a-9c3e-0a1b2c3d4e5f"),
        ("\ufeffa1", "a1"),
    ],
)
def test_canonical_id(text: str, id_: str, sql: duckdb.DuckDBPyConnection) -> None:
    """An id has one text, in Python and in SQL; its case counts, except in a UUID."""
    assert canonical_id(text) == id_
    assert sql.execute("select id_text(?)", [text]).fetchone() == (id_,)


def test_find_spelling() -> None:
    """The exact spelling comes first, then any other one."""
    assert find_spelling("acme", ["Acme", "acme"]) == "acme"
    assert find_spelling("ACME", ["Acme", "beta"]) == "Acme"
    assert find_spelling("gamma", ["Acme", "beta"]) is None
