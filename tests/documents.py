"""The examples of the pages that a user reads: code blocks, and commands within a sentence."""

import re
import shlex
from dataclasses import dataclass
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")))
PAGES = (*PAGES, "config/README.md", "CONTRIBUTING.md")
LANGUAGES = {
    "sh": "shell",
    "bash": "shell",
    "python": "python",
    "yaml": "yaml",
    "text": "text",
    "snakemake": "snakemake",  # in test_surroundings.py
    "sh recipe": "recipe",  # in test_extending.py, as blocks under a file name
    "mermaid": "diagram",
    "{toctree}": "site",  # in test_site.py, as the next two
    "{include} ../starmass/shipped/mae_flames_400k.md": "site",
    "{include} ../starmass/shipped/mae_fields_400k.md": "site",
    "{include} ../config/README.md": "site",
}
PROGRAMS = (
    "starmass|snakemake|make|python3?|pip|conda|torchrun|srun|sinfo|sacctmgr|scontrol|sacct|git"
)


@dataclass(frozen=True)
class Example:
    """Text of a block (kind of :data:`LANGUAGES`, "python PATH", or None) or of a command."""

    page: str
    line: int
    kind: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def find_examples() -> list[Example]:
    """Return fenced blocks, indented blocks and commands within sentences, in the pages' order."""
    return [example for page in PAGES for example in _of_page(page, (ROOT / page).read_text())]


def _of_page(page: str, text: str) -> list[Example]:
    found = []

    def take(kind: str | None, body: str, match: re.Match) -> str:
        found.append(Example(page, text.count("\n", 0, match.start()) + 1, kind, body))
        return re.sub(r"[^\n]", " ", match[0])  # what comes later keeps its line

    def fenced(match: re.Match) -> str:
        language, body = match[2].strip(), match[3]
        named = re.fullmatch(r"(python|diff|rst|yaml) [\w/]+\.\w+", language)
        kind = language if named else LANGUAGES.get(language) if language else _guess(body)
        return take(kind, body, match)

    rest = re.sub(r"^( *)```(.*)\n((?s:.*?))^\1```", fenced, text, flags=re.M)
    assert "```" not in rest, f"{page}: a fence is not closed"
    indented = r"(?<=\n\n)(?:    [ ]*\S.*\n)(?:(?:    .*)?\n)*"
    rest = re.sub(indented, lambda match: take(_guess(match[0]), match[0], match), rest)
    inline = rf"`(?=(?:[A-Z_]+=\S+ )?(?:{PROGRAMS})\s)([^`]+)`"
    re.sub(inline, lambda match: take("shell", " ".join(match[1].split()), match), rest)
    return sorted(found, key=lambda example: example.line)


def _guess(body: str) -> str | None:
    """Kind of a block without a language: commands, or a folder and what is in it."""
    first = body.strip().splitlines()[0]
    if first.endswith("/"):
        return "text"
    return "shell" if re.match(rf"({PROGRAMS})\s", first) else None


def commands_of(text: str) -> list[list[str]]:
    """Return the words of each command, functions of the block and braces written out."""
    lines = text.replace("\\\n", " ").replace("\n", "\n ; ")
    reader = shlex.shlex(lines, posix=True, punctuation_chars=";&|()")
    reader.whitespace_split, reader.commenters = True, "#"
    functions: dict[str, list[str]] = {}
    commands: list[list[str]] = [[]]
    for word in reader:
        if set(word) <= set(";&|"):
            commands.append([])
        else:
            commands[-1].append(word)
    found = []
    for words in filter(None, commands):
        if words[1:3] == ["()", "{"]:
            functions[words[0]] = words[3:]
        elif words[0] in functions:
            body = functions[words[0]]
            place = body.index("$@")
            found.append([*body[:place], *words[1:], *body[place + 1 :]])
        elif words != ["}"]:
            found.append(words)
    # The installed command is the module.
    found = [["python", "-m", *words] if words[0] == "starmass" else words for words in found]
    return [[new for word in words for new in _braces(word)] for words in found]


def _braces(word: str) -> list[str]:
    """Write ``a_{b,c}`` out as a shell does."""
    parts = re.split(r"\{([^{}]*,[^{}]*)\}", word)
    choices = [part.split(",") if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(choice) for choice in product(*choices)]
