"""Holds the facts against the documents they came from: `python3 check_facts.py`. Exit code 1 where one is out of step."""

import re
import sys

from checks import holds
from dialogue_files import DATA, all_facts

ROOT = DATA.parent.parent
SHORTCUTS = (ROOT / "web/src/palette/shortcuts.ts").read_text(encoding="utf-8")
WORDS = "".join((ROOT / "web/src" / name).read_text(encoding="utf-8") for name in ("strings.ts", "strings-views.ts"))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


problems: list[str] = []
seen: dict[str, str] = {}
for fact in all_facts():
    if not fact.questions or not fact.answers or not fact.held_out or not fact.has:
        problems.append(f"{fact.name}: lacks questions, held-out questions, answers or `has`")
    for answer in fact.answers:
        if not holds({"contains": [fact.has], "ignoreCase": True}, answer, True):
            problems.append(f"{fact.name}: its check {fact.has!r} is not in the answer {answer!r}")
    for document, text in fact.documents:
        if document == "web":
            is_known = f"  {text.split(' ')[1]}: {{" in SHORTCUTS if text.startswith("shortcuts ") else text in WORDS
        else:
            is_known = squeezed(text) in squeezed((ROOT / document).read_text(encoding="utf-8"))
        if not is_known:
            problems.append(f"{fact.name}: {document} no longer says {text!r}")
    for question in [*fact.questions, *fact.held_out]:
        key = re.sub(r"\W+", " ", question.lower()).strip()
        if key in seen:
            problems.append(f"{fact.name}: {question!r} is asked in {seen[key]} too")
        seen[key] = fact.name
print("\n".join(problems) or f"{len(all_facts())} facts and {len(seen)} questions are in step")
sys.exit(1 if problems else 0)
