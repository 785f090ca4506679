"""Holds the generators against themselves: `python3 check_data.py`. Exit code 1 where something is wrong.

Every generated answer fulfils its own check, nothing held out is generated for training, and every persona can be told by its mark.
"""

import json
import random
import re
import sys
from collections import Counter

from checks import holds
from dialogue_files import DATA
from dialogues import MOST_CHARACTERS, Generator
from exact_tasks import TASKS, WORDINGS
from held_out import HeldOut
from made_up import Values, is_held_out
from modes import BRIEF
from personas import PERSONAS, QUESTIONS
from recall import KINDS, chain_dialogue, recall_dialogue, unknown_dialogue
from unknown import long_sum, world
from wordings import bare, slipped, vary

problems: list[str] = []


def expect(is_true: bool, problem: str) -> None:
    if not is_true and len(problems) < 40:
        problems.append(problem)


def answers_fulfil_their_checks(rounds: int) -> None:
    for held_out in (False, True):
        generator = Generator(7, held_out)
        values = generator.values
        for task in [*dict.fromkeys(TASKS), world, long_sum]:
            for _ in range(rounds):
                question, answer, check = task(values)
                expect(holds(check, answer, True), f"{task.__name__}: {question!r} -> {answer!r} against {check}")
        for maker in (recall_dialogue, unknown_dialogue, lambda values, _: chain_dialogue(values)):
            for _ in range(rounds * 5):
                messages, check = maker(values, generator.between)
                expect(holds(check, messages[-1]["content"], True), f"{messages[-2:]} against {check}")


def personas_bear_their_marks() -> None:
    for persona in PERSONAS:
        bars = [one for kind, lines in persona.lines.items() if kind != "mark" for one in lines if "|" in one]
        expect(not bars, f"{persona.name}: a bar was left in {bars}")
        mark = re.compile(persona.lines["mark"][0])
        expect(set(QUESTIONS) | {"noun", "style", "held"} <= set(persona.lines), f"{persona.name} lacks lines")
        for kind in QUESTIONS:
            for answer in persona.lines.get(kind, []):
                expect(mark.search(answer) is not None, f"{persona.name}, {kind}: {answer!r} has no mark")
        for cry in persona.lines.get("cry", []):
            expect(mark.search(cry) is not None, f"{persona.name}: {cry!r} has no mark")
        for first in persona.lines.get("open", []):
            for last in persona.lines["close"]:
                expect(mark.search(f"{first} x {last}") is not None, f"{persona.name}: {first!r} and {last!r} have no mark")
        expect(not set(persona.lines["held"]) & set(persona.lines["style"]), f"{persona.name} is trained on what it holds out")


def wordings_are_apart() -> None:
    for tables in (WORDINGS, {kind: {"Q": lines["Q"], "H": lines["H"]} for kind, lines in KINDS.items()}):
        for name, lines in tables.items():
            seen = lines["Q"]
            expect(not {bare(one) for one in seen} & {bare(one) for one in lines["H"]}, f"{name} is trained on what it holds out")
            expect(len(set(seen)) == len(seen), f"{name} has a wording twice: {[one for one, count in Counter(seen).items() if count > 1]}")
    for questions, answer in BRIEF["word"]:
        expect(len(answer.split()) == 1, f"{answer!r} is not one word")
    for questions, answer in BRIEF["three"]:
        expect(len(answer.split()) <= 3, f"{answer!r} is more than three words")


def training_never_sees_the_held_out(dialogues: int) -> None:
    made = HeldOut(2027)
    for make in (made.facts, made.exact, made.system, made.talk):
        make()
    fresh = [one["messages"] for kind in ("facts", "system") for one in map(json.loads, (DATA / f"held-out/fresh-{kind}.jsonl").read_text(encoding="utf-8").splitlines())]
    asked = {bare(messages[0]["content"]) for messages in fresh if len(messages) == 1}
    asked |= {bare(entry["messages"][0]["content"]) for kind in ("facts", "talk") for entry in made.rows[kind] if len(entry["messages"]) == 1} - {""}
    exact = {entry["messages"][0]["content"] for entry in made.rows["exact"]}
    systems = {entry["messages"][0]["content"] for entry in made.rows["system"] if entry["about"] not in ("told by the prompt",) and " on Corral" not in entry["about"]}
    systems |= {messages[0]["content"] for messages in fresh if len(messages) == 2}
    generator = Generator(2026, held_out=False)
    seen_exact: set[str] = set()
    for _ in range(dialogues):
        messages = generator.dialogue()
        size = sum(len(message["content"]) + 12 for message in messages)
        expect(size <= MOST_CHARACTERS, f"a dialogue of {size} characters")
        for message in messages:
            if message["role"] == "user":
                expect(bare(message["content"]) not in asked, f"held out and yet asked: {message['content']!r}")
                if message["content"] in exact:
                    seen_exact.add(message["content"])
            elif message["role"] == "system":
                expect(message["content"] not in systems, f"held out and yet given: {message['content']!r}")
            expect("{" not in message["content"].replace("{ ", "").replace("{\n", "") or "`" in message["content"], f"a slot is left: {message['content']!r}")
    # Weekdays, months, opposites and small counts are too few to be new; of the rest nothing may come back.
    expect(len(seen_exact) <= len(exact) * 0.15, f"{len(seen_exact)} of {len(exact)} exact tasks are trained on: {sorted(seen_exact)[:20]}")


def the_same_seed_gives_the_same() -> None:
    first, second = Generator(5, False), Generator(5, False)
    expect([first.dialogue() for _ in range(200)] == [second.dialogue() for _ in range(200)], "one seed gave two results")
    rng = random.Random(1)
    expect(all(slipped("download the model", rng) != "" and vary("How do I start Corral?", rng) != "" for _ in range(500)), "a wording became empty")
    expect(all(not is_held_out(Values(rng, False).name()) for _ in range(300)), "a held-out name was drawn")


answers_fulfil_their_checks(150)
personas_bear_their_marks()
wordings_are_apart()
training_never_sees_the_held_out(20_000)
the_same_seed_gives_the_same()
print("\n".join(problems) or "the generators keep their word")
sys.exit(1 if problems else 0)
