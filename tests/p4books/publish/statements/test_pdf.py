"""Statements of account as PDF."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from tests.p4books.publish.statements.conftest import AS_OF_AT, MakeStatement

from p4books.errors import LetterMissing, UsageError
from p4books.publish.statements.content import Statement
from p4books.publish.statements.pdf import require_typst, write_pdf


def pages(statement: Statement, folder: Path) -> list[str]:
    """Return the text of each page, without places where a word may break."""
    write_pdf(statement, folder / "statement.pdf", AS_OF_AT)
    texts = [page.extract_text() for page in PdfReader(folder / "statement.pdf").pages]
    return [text.replace("\u200b", "") for text in texts]


def test_statement(make_statement: MakeStatement, tmp_path: Path) -> None:
    """It says in Spanish who owes what to whom since when, with days and amounts as in Panama."""
    statement = make_statement(
        ["1234.50", "-20.00"], due_in=1, name="Óptica “Ñandú” & Cía.", address=("Calle 50",)
    )

    (text,) = pages(statement, tmp_path)

    lines = text.splitlines()
    assert lines[:3] == ["Istmo, S.A.", "RUC 155587169-2-2014 DV 09", "Estado de cuenta"]
    for line in (
        *("Al 31/03/2026", "Óptica “Ñandú” & Cía.", "Calle 50", "1,214.50 USD"),
        "Antigüedad de saldos",
        "F-0000 Factura 05/01/2026 31/03/2026 1,234.50 0.00 1,234.50 1,234.50",
        "F-0001 Nota de crédito 05/01/2026 01/04/2026 -20.00 0.00 -20.00 1,214.50",
        "Saldo total (USD) 1,214.50",
    ):
        assert line in lines, text
    assert "Página 1 de 1" in text


def test_english(make_statement: MakeStatement, tmp_path: Path) -> None:
    """In English the labels and days are English, and no Spanish one is left."""
    (text,) = pages(make_statement(["10.00", "5.00"], lang="en"), tmp_path)

    assert "Statement of account" in text
    assert "F-0000 Invoice 5 Jan 2026 30 Mar 2026 1 10.00 0.00 10.00 10.00" in text
    assert "Page 1 of 1" in text
    assert not re.search("Saldo|Vence|Factura", text)


def test_balance_in_favour(make_statement: MakeStatement, tmp_path: Path) -> None:
    """A credit is called so and has no sign, but the documents add up with their signs."""
    (text,) = pages(make_statement(["10.00", "-30.00"]), tmp_path)

    assert "Saldo a favor\n20.00 USD\n" in text
    assert "Saldo total (USD) -20.00" in text


def test_many_pages(make_statement: MakeStatement, tmp_path: Path) -> None:
    """Each page has the header of the table and its number; every document is there once."""
    statement = make_statement(["1.00"] * 110, due_in=40)

    texts = pages(statement, tmp_path)

    assert len(texts) == 3
    for number, text in enumerate(texts, 1):
        assert f"Página {number} de {len(texts)}" in text
        assert "Documento n.º Tipo Fecha Vence" in text
        assert re.search("^Documentos (vencidos|por vencer)$", text, re.MULTILINE)
        assert ("Istmo, S.A. · Estado de cuenta · Ñandú" in text) == (number > 1)
    assert re.findall(r"F-\d{4}", "".join(texts)) == [f"F-{number:04}" for number in range(110)]


@pytest.mark.parametrize(
    "name",
    [
        "Łódź Çiğdem Ελλάς Привет Tiếng Việt ½ № ₡ €",
        "#set page(width: 1pt) $x$ *b* _i_ `c` \\n <a> @b // ${x}",
        'O\'Brien "quoted" & <b>',
        "W" * 300,
    ],
)
def test_odd_names(make_statement: MakeStatement, tmp_path: Path, name: str) -> None:
    """A name is shown as it is: whatever its letters and its length, never as a command."""
    (text,) = pages(make_statement(["1.00"], name=name), tmp_path)

    assert "".join(name.split()) in "".join(text.split())


def test_long_codes_stay_in_their_column(make_statement: MakeStatement, tmp_path: Path) -> None:
    """A long code is broken into lines, so that the amounts beside it can be read."""
    statement = make_statement(["123456789.01"])
    object.__setattr__(statement.account.items[0], "code", "X" * 44)

    (text,) = pages(statement, tmp_path)

    assert "X" * 44 not in text
    assert "X" * 44 in text.replace("\n", "")
    assert "123,456,789.01" in text


def test_letter_that_no_font_has(make_statement: MakeStatement, tmp_path: Path) -> None:
    """No letter is lost silently: a code point without any meaning is in no font."""
    with pytest.raises(LetterMissing, match="No font on this machine has '\U0003fffd'"):
        pages(make_statement(["1.00"], name="a\U0003fffdb"), tmp_path)

    assert not list(tmp_path.iterdir())


def test_embedded_fonts_and_same_bytes(make_statement: MakeStatement, tmp_path: Path) -> None:
    """The file needs no font of its reader, and says when it was made as the books do."""
    statement = make_statement(["1.00"], name="Ñandú")
    write_pdf(statement, tmp_path / "one.pdf", AS_OF_AT)
    write_pdf(make_statement(["2.00"]), tmp_path / "other.pdf", AS_OF_AT)
    write_pdf(statement, tmp_path / "two.pdf", AS_OF_AT)

    reader = PdfReader(tmp_path / "one.pdf")
    page: Any = reader.pages[0]
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    descriptors = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
    assert fonts
    assert all({"/FontFile3", "/FontFile2"} & set(each) for each in descriptors)
    assert reader.metadata
    assert reader.metadata.creation_date == AS_OF_AT
    assert reader.metadata.title == "Estado de cuenta: Ñandú"
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error says how to install it, and what works without."""
    require_typst()
    monkeypatch.setitem(sys.modules, "typst", None)

    with pytest.raises(UsageError, match=r"pip install 'p4books\[statements\]', or add --format"):
        require_typst()
