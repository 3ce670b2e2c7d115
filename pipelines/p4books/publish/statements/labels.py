"""Labels of a statement of account: words of its language, and the reports' labels of columns."""

from collections.abc import Mapping
from functools import cache

from p4books.publish.language import Language
from p4books.transform.models import sql_folder
from p4books.transform.vocabulary import load_vocabulary

_NAMED_AS_IN = {  # columns that are called what they are called in a report
    "core.dim_customer": ("customer_name", "customer_code", "tax_id", "payment_terms", "currency"),
    "reporting.ar_aging": (
        *("current_balance", "days_1_30", "days_31_60", "days_61_90", "days_over_90", "overdue"),
    ),
    "reporting.ar_open_items": (
        *("document_on", "due_on", "days_overdue", "amount_paid", "balance", "is_credit_note"),
    ),
    "reporting.document_changes": ("document_code", "document_type"),
}
_INVOICE = ("document_type", "invoice")  # the column and word that invoices are called by


@cache
def load_labels(language: Language) -> Mapping[str, str]:
    """Load the words of a language and, by the names of columns, the labels of the reports.

    They come with the program, not from the published file: an older one may have none.
    """
    vocabulary = load_vocabulary(sql_folder())
    labels = {}
    for model, columns in _NAMED_AS_IN.items():
        for column in columns:
            texts = vocabulary.describe_column(model, column)
            labels[column] = texts.label_es if language.code == "es" else texts.label_en
    for value in vocabulary.values:
        if (value.column, value.value) == _INVOICE:
            labels[value.value] = value.label_es if language.code == "es" else value.label_en
    return {**language.words(), **labels}
