"""Reads the hand-written files of cria/data. Their format is told in cria/data/README.md."""

import re
from dataclasses import dataclass, field
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
FACT_FILES = ("corral-facts-start.txt", "corral-facts-use.txt", "corral-facts-operate.txt", "cria-facts.txt")
DIALOGUE_FILES = ("small-talk.txt", "talk-more.txt", "stories.txt", "system-prompts.txt", "lists-and-markdown.txt", "corral-dialogues.txt")


@dataclass
class Fact:
    name: str
    questions: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    has: str = ""
    documents: list[tuple[str, str]] = field(default_factory=list)
    is_about_corral: bool = True


@dataclass
class Turn:
    role: str
    wordings: list[str]


def read_facts(path: Path) -> list[Fact]:
    facts: list[Fact] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, rest = line.partition(" ")
        rest = rest.strip()
        if kind == "@":
            facts.append(Fact(rest, is_about_corral=path.name.startswith("corral")))
        elif not facts:
            raise ValueError(f"{path.name}:{number} stands before the first fact")
        elif kind == "Q":
            facts[-1].questions.append(rest)
        elif kind == "P":
            facts[-1].patterns.append(rest)
        elif kind == "H":
            facts[-1].held_out.append(rest)
        elif kind == "A":
            facts[-1].answers.append(rest)
        elif kind == "has":
            facts[-1].has = rest
        elif kind == "doc":
            document, _, text = rest.partition(": ")
            facts[-1].documents.append((document, text))
        else:
            raise ValueError(f"{path.name}:{number} begins with {kind!r}")
    return facts


def all_facts() -> list[Fact]:
    return [fact for name in FACT_FILES for fact in read_facts(DATA / name)]


def read_dialogues(path: Path) -> list[list[Turn]]:
    """Lines that begin with two spaces go on with the entry before; such an entry is one wording, bars and all."""
    roles = {"S": "system", "U": "user", "C": "assistant"}
    dialogues: list[list[Turn]] = []
    current: list[Turn] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    entries: list[tuple[int, str]] = []
    for index, line in enumerate(lines):
        if line.startswith("  "):
            entries[-1] = (entries[-1][0], f"{entries[-1][1]}\n{line[2:]}")
        elif not line and index + 1 < len(lines) and lines[index + 1].startswith("  "):
            entries[-1] = (entries[-1][0], f"{entries[-1][1]}\n")
        elif not line.startswith("#"):
            entries.append((index + 1, line))
    for number, entry in [*entries, (0, "")]:
        if not entry.strip():
            if current:
                dialogues.append(current)
            current = []
            continue
        kind, _, rest = entry.partition(" ")
        if kind not in roles:
            raise ValueError(f"{path.name}:{number} begins with {kind!r}")
        wordings = [rest.strip()] if "\n" in rest else [one.strip() for one in rest.split(" | ")]
        if current and current[-1].role == roles[kind]:
            current[-1].wordings.extend(wordings)
        else:
            current.append(Turn(roles[kind], wordings))
    return dialogues


def all_dialogues() -> list[tuple[str, list[Turn]]]:
    return [(name, dialogue) for name in DIALOGUE_FILES for dialogue in read_dialogues(DATA / name)]


def fill(text: str, values: dict[str, str]) -> str:
    def put(match: re.Match) -> str:
        article, name = match.group(1) or "", match.group(2)
        value = values.get(name, match.group(0))
        if article and value[:1] in "aeiou":
            article = article.replace("a ", "an ").replace("A ", "An ")
        return article + value

    return re.sub(r"(\b[Aa] )?\{([a-z]+)\}", put, text)


def read_tales() -> list[tuple[bool, list[str], str]]:
    """Whether it is a story, what it is about, and the text."""
    lines = [line for line in (DATA / "tales.txt").read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    return [(head[0] == "@", head[2:].split(" | "), text) for head, text in zip(lines[::2], lines[1::2])]
