"""Output of the command models, in English or Spanish."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p4books.cli.console import print_line, print_table
from p4books.publish.language import Language

if TYPE_CHECKING:  # both come from an open file
    from p4books.publish.query import CatalogColumn, CatalogEntry


def print_models(models: Sequence["CatalogEntry"], language: Language) -> None:
    """Print the models, layer by layer, with their titles and what a row of each is."""
    names = ("models_layer", "models_model", "models_rows", "models_title", "models_row_is")
    code = language.code
    print_table(
        [language.word(name) for name in names],
        (
            (model.layer, model.model, model.rows, model.title(code), model.grain_in(code))
            for model in models
        ),
    )


def print_model(
    model: "CatalogEntry", columns: Sequence["CatalogColumn"], language: Language
) -> None:
    """Print what a model is, and its columns with their labels and meanings."""
    code, word = language.code, language.word
    count = word("models_count" if model.rows != 1 else "models_count_one", rows=f"{model.rows:,}")
    title = "" if model.title(code) == model.full_name else f", {model.title(code)}"
    print_line(f"{model.full_name}{title}, {count}. {model.grain_in(code)}")
    details = {
        word("models_key"): model.key,
        word("models_sorted_by"): model.sorted_by,
        word("models_reads"): model.reads,
        word("models_question"): model.question_in(code),
        word("models_query"): model.query,
    }
    for label, text in details.items():
        if text:
            print_line(f"{label}: {text}")
    print_line()
    names = ("models_column", "models_label", "models_type", "models_meaning")
    print_table(
        [word(name) for name in names],
        (
            (column.name, column.label(code), column.type, column.describe(code))
            for column in columns
        ),
    )
