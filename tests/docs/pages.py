"""The Markdown pages of the repository, their fenced blocks, and the commands in these."""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.process import ROOT

PAGES = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md"))
)
_FENCED = re.compile(r"(?ms)^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$")
_SHELLS = ("sh", "bash")


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its first line of text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a page, continued lines joined, without a comment after it."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def read(page: Path) -> str:
    """Return a page's text."""
    return (ROOT / page).read_text("utf-8")


def prose(page: Path) -> str:
    """Return a page's text without its fenced blocks."""
    return _FENCED.sub("", read(page))


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return a page's fenced blocks, of these languages or all."""
    text = read(page)
    found = (
        Block(page, text.count("\n", 0, match.start()) + 2, match["language"], dedent(match["text"]))
        for match in _FENCED.finditer(text)
    )
    return [block for block in found if not languages or block.language in languages]


def all_blocks(*languages: str) -> list[Block]:
    """Return all pages' blocks of these languages."""
    return [block for page in PAGES for block in blocks(page, *languages)]


def commands(block: Block) -> list[Command]:
    """Return a block's commands, none where it is not for a shell."""
    found, begun = [], ""
    for number, line in enumerate(block.text.splitlines() if block.language in _SHELLS else [], block.line):
        begun += line
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip() + " "
            continue
        text = re.sub(r"(^|\s+)#\s.*", "", re.sub(r"\s+", " ", begun)).strip()
        found += [Command(block.page, number, text)] if text else []
        begun = ""
    return found


def all_commands() -> list[Command]:
    """Return all pages' commands."""
    return [command for block in all_blocks() for command in commands(block)]
