"""Generator of the list of models in sql/README.md."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from p4books.publish.model_docs import MARK, README, group_models, write_readme
from p4books.transform.models import CUSTOM, SqlSources, load_models, sql_folder

Files = Callable[..., Path]

LISTED = [
    model.full_name
    for model in load_models(SqlSources.at(sql_folder())).models
    if model.published and model.layer != CUSTOM
]


@pytest.fixture(scope="module")
def text() -> str:
    """The README of the project's SQL."""
    return (sql_folder() / README).read_text(encoding="utf-8")


def test_readme_is_up_to_date(text: str, tmp_path: Path) -> None:
    """The list of models in sql/README.md is what `make docs` writes."""
    folder = Path(shutil.copytree(sql_folder(), tmp_path / "sql"))

    write_readme(folder)

    assert (folder / README).read_text(encoding="utf-8") == text, "run `make docs`"


def test_introduction_is_short(text: str) -> None:
    """The part that is written by hand is short enough to be read, and its glossary to be used."""
    by_hand, mark, _ = text.partition(MARK)

    prose, glossary, table = by_hand.partition("## Glossary\n")

    assert mark
    assert glossary
    assert len(prose.splitlines()) < 200
    assert len(table.splitlines()) < 60


def test_every_model_is_listed_once() -> None:
    """Each published model is in one part of the list, so each report has its section."""
    parts = group_models(load_models(SqlSources.at(sql_folder())).models)

    listed = [model.full_name for part in parts for model in part.models]

    assert sorted(listed) == sorted(LISTED)


def test_drawings(text: str) -> None:
    """Each line of a drawing is an arrow between two nodes with plain names."""
    drawings = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    node = r"[a-z0-9_]+(\[[a-z0-9_.]+\])?"

    assert len(drawings) >= 3
    for drawing in drawings:
        first, *arrows = drawing.splitlines()
        assert first == "flowchart LR"
        assert [line for line in arrows if not re.fullmatch(rf"    {node} --> {node}", line)] == []
        assert len(arrows) <= 64


def test_links(text: str) -> None:
    """The table of contents links to headings that exist."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}

    links = re.findall(r"\]\(#([^)]*)\)", text)

    assert len(links) == len(LISTED)
    assert set(links) <= anchors


def test_report_appears_in_its_section(sql: Files, tmp_path: Path) -> None:
    """A new report is listed in the section of its header, what it reads through others drawn."""
    root = sql(
        core__orders="-- One row.\n-- published: no\nselect 1 as order_id from raw.sales_orders",
        reporting__backlog="-- One row per order.\n-- key: order_id\n-- section: Orders\n"
        "-- order: order_id\n-- question: What is open?\n"
        "-- query: select order_id from reporting.backlog where order_id = 1\n"
        "select * from core.orders",
    )
    (root / "columns.csv").write_text(
        "column,label_en,label_es,meaning,meaning_es\norder_id,Order,Pedido,Its id.,Su id.\n"
    )
    (root / "models.csv").write_text(
        "model,title_en,title_es,question_es,grain_es\nreporting.backlog,Open,Pendiente,,\n"
    )
    (root / README).write_text(f"# By hand\n\n{MARK}old")

    write_readme(root)

    assert (root / README).read_text() == (
        f"# By hand\n\n{MARK}\n## The models\n\n"
        "- **reporting: Orders**: [backlog](#reportingbacklog)\n\n"
        "## reporting\n\nThe reports. Each answers one question, and `sql/checks` makes sure that "
        "its sums equal those of the rows beneath.\n\n### Orders\n\n"
        "```mermaid\nflowchart LR\n"
        "    raw_sales_orders[raw.sales_orders] --> reporting_backlog[reporting.backlog]\n```\n\n"
        "#### reporting.backlog\n\n**Open · Pendiente**\n\nOne row per order.\n\n"
        "Key: `order_id`. Order: `order_id`.\n\n"
        "| column | type | label | meaning |\n| --- | --- | --- | --- |\n"
        "| `order_id` | integer | Order · Pedido | Its id. |\n\n"
        "*What is open?*\n\n"
        "```sql\nselect order_id\nfrom reporting.backlog\nwhere order_id = 1\n```\n"
    )
