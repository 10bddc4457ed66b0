"""What stands in the documents: pages, sections, tables, links, command lines; and what the command line has."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", *sorted(ROOT.joinpath("docs").rglob("*.md"))]
}
"""README.md and the pages of `docs`, which people read who use or run the bot."""
LINKED_PAGES = {
    **PAGES,
    **{name: ROOT.joinpath(name).read_text("utf-8") for name in ("CHANGELOG.md", "tests/README.md")},
}
"""All that is written for people."""
README = PAGES["README.md"]
USING, OPERATING = PAGES["docs/using.md"], PAGES["docs/operating.md"]
SECURITY, CONTRIBUTING = PAGES["docs/security.md"], PAGES["docs/contributing.md"]

_PROGRAM = re.compile(
    r"(?:python -m|(?:\.venv/bin/)?vault-upload-bot|\.venv/bin/python|make|docker|bash|npm|pip|journalctl|pg_\w+) "
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def section(page: str, title: str) -> str:
    """Return what stands on a page under that heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section “{title}”"
    return found[1]


def rows(text: str, first: str) -> list[list[str]]:
    """Return the rows of the one table whose first column has that heading."""
    tables = re.findall(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\|\n((?:\|.*\n)*)", text, re.MULTILINE)
    assert len(tables) == 1, f"there are {len(tables)} tables headed “{first}”"
    return [[cell.strip() for cell in row.strip("|").split(" |")] for row in tables[0].splitlines()]


def plain(text: str) -> str:
    """Return Markdown without its backticks."""
    return text.replace("`", "")


def quoted(text: str) -> list[str]:
    """Return what stands in backticks, outside of blocks of code; a line break there counts as a space."""
    return [" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose(text))]


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code in that language, each without the indentation of the list it stands in."""
    return [
        re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        for indent, named, body in _FENCE.findall(text)
        if named == language
    ]


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", text)


def links(page: str) -> list[str]:
    """Return where the links and pictures of a page lead, but for those to other sites."""
    text = re.sub(r"`[^`]*`", "", prose(page))
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    return [one for one in found if not one.startswith("https://")]


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, made as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        again = sum(one == anchor for one in found)
        found.append(anchor)
        if again:
            found.append(f"{anchor}-{again}")
    return set(found)


def shell_lines(page: str) -> Iterator[list[str]]:
    """Yield the words of each command in a page's blocks for the shell; a pipe parts two commands."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words: list[str] = []
            for word in shlex.split(line, comments=True):
                if word == "|":
                    yield words
                    words = []
                else:
                    words.append(word)
            if words:
                yield words


def commands(page: str) -> Iterator[list[str]]:
    """Yield the words of each command on a page: those in blocks, and those in backticks that begin with a program."""
    yield from shell_lines(page)
    for one in quoted(page):
        if _PROGRAM.match(one):
            yield shlex.split(one)


def bot_lines(page: str) -> Iterator[str]:
    """Yield what stands behind `python -m bot` in a page's commands, also where another program is to run that."""
    for words in commands(page):
        for at in range(1, len(words)):
            if words[at - 1 : at + 1] == ["-m", "bot"]:
                yield shlex.join(words[at + 1 :])


def verbs(
    parser: argparse.ArgumentParser, before: str = ""
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield each command of the command line that does something, with its help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            for name, below in action.choices.items():
                inner = list(verbs(below, f"{before}{name} "))
                yield from inner or [(f"{before}{name}", helps[name], below)]
