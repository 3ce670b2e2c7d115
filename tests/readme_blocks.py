"""Fenced blocks of the README files."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^( *)```(\w*) ?(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file name after it, and its text."""

    language: str
    file: str
    text: str


def find_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text, in order; those in lists lose their indent."""
    blocks = []
    for match in re.finditer(FENCE, text):
        indent, language, name, body = match.groups()
        if language == "csv" and not name:
            (name,) = re.findall(r"[\w/]+\.csv", text[match.end() :])[:1]
        body = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        blocks.append(Block(language, name, body))
    return blocks


def list_commands(block: Block) -> list[str]:
    """Return the commands of a shell block without comments and blank lines."""
    lines = block.text.splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def write_block(block: Block, folder: Path) -> None:
    """Write a block with a file name to that file."""
    (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
    (folder / block.file).write_text(block.text, encoding="utf-8")
