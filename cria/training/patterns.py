"""Wordings of cria/data/patterns.txt: one line stands for many, and the same seed takes the same ones."""

import random
import re

from dialogue_files import DATA

CHOICE = re.compile(r"\[([^\[\]]*/[^\[\]]*)\]")


def read_patterns() -> dict[str, list[str]]:
    patterns: dict[str, list[str]] = {}
    for line in (DATA / "patterns.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            lines = patterns.setdefault(line[2:].strip(), [])
        elif line.strip() and not line.startswith("#"):
            lines.append(line)
    return patterns


PATTERNS = read_patterns()


def expanded(pattern: str, rng: random.Random) -> str:
    """One of the texts that stand in each pair of brackets."""
    return CHOICE.sub(lambda match: rng.choice(match.group(1).split("/")), pattern)


def worded(name: str, lines: list[str], rng: random.Random) -> str:
    """A wording from the list, or as often one that a pattern makes."""
    if name in PATTERNS and rng.random() < 0.5:
        return expanded(rng.choice(PATTERNS[name]), rng)
    return rng.choice(lines)
