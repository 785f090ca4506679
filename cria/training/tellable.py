"""Lists what stands in personas.txt for a persona and yet does not tell, by the words of all the rest, which one is meant.

    python3 tellable.py            # with --drop it is taken out of the file

Plain lines of common words may stand among them: in the eighth sitting those that were written to be plain were kept.
A model learns nothing from riddles but to guess: with two in five of them among its system prompts it guessed at the plain ones too.
"""

import argparse
import math
from collections import Counter, defaultdict

from dialogue_files import DATA
from personas import PERSONAS
from wordings import QUESTION_WORDS, bare

KEYS = ("noun", "style", "do", "at", "have", "tone")
SURE, DOUBT = 0.6, 0.15


def stems(text: str) -> set[str]:
    return {word[:6] for word in bare(text).split() if word not in QUESTION_WORDS and len(word) > 2}


def counted() -> dict[str, Counter]:
    """For each stem, of how many lines of each persona it is a part."""
    spread: dict[str, Counter] = defaultdict(Counter)
    for persona in PERSONAS:
        for line in (one for key in KEYS for one in persona.lines[key]):
            for stem in stems(line):
                spread[stem][persona.name] += 1
    return spread


def sureness(name: str, line: str, spread: dict[str, Counter]) -> float:
    """How likely its stems make the persona, going by all lines but this one."""
    logs = {}
    for persona in PERSONAS:
        logs[persona.name] = sum(
            math.log((spread[stem][persona.name] - (persona.name == name) + DOUBT) / (spread[stem].total() - 1 + DOUBT * len(PERSONAS)))
            for stem in stems(line)
        )
    most = max(logs.values())
    return math.exp(logs[name] - most) / sum(math.exp(one - most) for one in logs.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drop", action="store_true")
    options = parser.parse_args()
    spread = counted()
    riddles = {(persona.name, key, line) for persona in PERSONAS for key in KEYS for line in persona.lines[key] if sureness(persona.name, line, spread) <= SURE}
    for riddle in sorted(riddles):
        print(*riddle, sep=": ")
    if not options.drop:
        return
    path = DATA / "personas.txt"
    kept, name = [], ""
    for line in path.read_text(encoding="utf-8").split("\n"):
        key, _, rest = line.partition(" ")
        name = rest if key == "@" else name
        if name and key in KEYS:
            rest = " | ".join(one for one in rest.split(" | ") if (name, key, one) not in riddles)
        kept.append(f"{key} {rest}" if rest else line)
    path.write_text("\n".join(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
