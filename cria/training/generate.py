"""Writes the training dialogues and, with --held-out, the held-out ones. The same seed gives the same bytes.

    python3 generate.py --dialogues 60000 --out checkpoints/data/train.jsonl
    python3 generate.py --held-out ../data/held-out
"""

import argparse
import json
import random
from pathlib import Path

from dialogue_files import Turn, all_dialogues, all_facts, fill
from exact_tasks import TASKS
from made_up import Values
from recall import recall_dialogue, unknown_dialogue
from unknown import long_sum, world
from wordings import bare, vary

SYSTEMS = ["You are a helpful assistant.", "You are Cria, a small model.", "Be helpful and honest.", "You are a friendly assistant that knows Corral."]
SHARES = {"recall": 0.25, "exact": 0.20, "facts": 0.33, "talk": 0.09, "system": 0.08, "unknown": 0.05}
# About 300 tokens: a row of training holds 320, and what is longer would be cut before its last answer.
MOST_CHARACTERS = 1000


def said(role: str, content: str) -> dict:
    return {"role": role, "content": content}


class Generator:
    def __init__(self, seed: int, held_out: bool) -> None:
        self.rng = random.Random(seed)
        self.values = Values(self.rng, held_out)
        self.facts = all_facts()
        self.kept_out = {bare(question) for fact in self.facts for question in fact.held_out}
        dialogues = all_dialogues()
        self.talks = [turns for name, turns in dialogues if name != "system-prompts.txt"]
        self.personas = [turns for name, turns in dialogues if name == "system-prompts.txt"]

    def written(self, turns: list[Turn]) -> list[dict]:
        filling = self.values.template()
        messages = []
        for turn in turns:
            text = fill(self.rng.choice(turn.wordings), filling)
            messages.append(said(turn.role, text))
        # A dialogue may be left after any answer but the first.
        whole = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
        return messages[: self.rng.choice(whole) + 1]

    def fact_turn(self) -> list[dict]:
        fact = self.rng.choice(self.facts)
        question = vary(self.rng.choice(fact.questions), self.rng)
        while bare(question) in self.kept_out:
            question = vary(self.rng.choice(fact.questions), self.rng)
        return [said("user", question), said("assistant", self.rng.choice(fact.answers))]

    def unknown_turn(self) -> list[dict]:
        question, answer, _ = (long_sum if self.rng.random() < 0.15 else world)(self.values)
        return [said("user", vary(question, self.rng)), said("assistant", answer)]

    def exact_turn(self) -> list[dict]:
        question, answer, _ = self.rng.choice(TASKS)(self.values)
        return [said("user", question), said("assistant", answer)]

    def between(self) -> list[dict]:
        """A turn that has nothing to do with what was told."""
        draw = self.rng.random()
        if draw < 0.4:
            return self.fact_turn()
        if draw < 0.65:
            return self.exact_turn()
        return self.written(self.rng.choice(self.talks))[:2]

    def dialogue(self) -> list[dict]:
        kind = self.rng.choices(list(SHARES), list(SHARES.values()))[0]
        if kind == "recall":
            messages = recall_dialogue(self.values, self.between)[0]
        elif kind == "unknown" and self.rng.random() < 0.35:
            messages = unknown_dialogue(self.values, self.between)[0]
        elif kind == "unknown":
            messages = [message for _ in range(self.rng.randint(1, 3)) for message in self.unknown_turn()]
        elif kind == "exact":
            messages = [message for _ in range(self.rng.randint(1, 5)) for message in self.exact_turn()]
        elif kind == "facts":
            messages = [message for _ in range(self.rng.randint(1, 4)) for message in self.fact_turn()]
        elif kind == "talk":
            messages = [message for _ in range(self.rng.randint(1, 2)) for message in self.written(self.rng.choice(self.talks))]
        else:
            return self.written(self.rng.choice(self.personas))
        if self.rng.random() < 0.1:
            messages.insert(0, said("system", self.rng.choice(SYSTEMS)))
        return messages


def held_out(folder: Path, seed: int) -> None:
    """Dialogues whose last answer is to be given by the model, each with its check; none of them is trained on."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = Generator(seed, held_out=True)
    rows: dict[str, list[dict]] = {"recall": [], "exact": [], "facts": [], "system": [], "talk": []}

    def keep(kind: str, name: str, messages: list[dict], check: dict) -> None:
        rows[kind].append({"id": f"{kind}-{len(rows[kind]) + 1:03}", "about": name, "messages": messages, "check": check})

    for fact in generator.facts:
        for question in fact.held_out:
            keep("facts", fact.name, [said("user", question)], {"contains": [fact.has], "ignoreCase": True})
    for index in range(200):
        messages, check = recall_dialogue(generator.values, generator.between) if index % 10 else unknown_dialogue(generator.values, generator.between)
        keep("recall", f"after {len(messages) // 2 - 1} turns", messages[:-1], check)
    for index in range(200):
        task = TASKS[index % len(TASKS)]
        question, _, check = task(generator.values)
        keep("exact", task.__name__, [said("user", question)], check)
    for system, question, check in persona_checks(generator):
        keep("system", system.split(" ")[0].lower(), [said("system", system), said("user", question)], check)
    for question in ["Hello there, my friend", "What a lovely morning", "I had a long walk today", "Do you like cheese?", "Tell me something about the moon", "Write me a story about a kettle", "Can you cheer me up?", "It snows", "hey hey", "I am off to bed", "List some vegetables", "Describe a river", "My brother visits me tomorrow", "That was helpful", "I cannot decide what to cook"]:
        keep("talk", "ends its turn", [said("user", question)], {"ends": True, "maximumWords": 150})
    for kind, entries in rows.items():
        text = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)
        (folder / f"{kind}.jsonl").write_text(text, encoding="utf-8")


def persona_checks(generator: Generator):
    values = generator.values
    for system in ["Your name shall be {x}.", "You go by the name of {x}.", "From now on you are {x}.", "Your name is {x}, and you are polite."]:
        for question in ["What is your name?", "Who are you?", "How do people call you?"]:
            x = values.name()
            yield system.format(x=x), question, {"contains": [x]}
    for system in ["Give one word answers.", "Answer with a single word.", "Just one word per answer."]:
        for question in ["How are you?", "What is the opposite of hot?", "What comes after Friday?", "Is snow cold?"]:
            yield system, question, {"maximumWords": 1}
    for system in ["One sentence, no more.", "Answer in a single sentence.", "Keep answers short."]:
        for question in ["What is Corral?", "How do I start Corral?", "Who are you?"]:
            yield system, question, {"maximumWords": 25}
    for system in ["Write only in capital letters.", "Capitals only, please."]:
        for question in ["Hello", "What is your name?"]:
            yield system, question, {"matches": "^[^a-z]+$"}
    for system in ["Speak like a pirate.", "You are a pirate captain."]:
        for question in ["Hello", "How are you?"]:
            yield system, question, {"matches": "[Aa]rr|[Aa]hoy|[Mm]atey|[Aa]board|\\b[Yy]e\\b"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogues", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--held-out", type=Path)
    options = parser.parse_args()
    if options.held_out:
        held_out(options.held_out, options.seed + 1)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        generator = Generator(options.seed, held_out=False)
        seen: set[str] = set()
        characters = 0
        with options.out.open("w", encoding="utf-8") as file:
            for _ in range(options.dialogues):
                messages = generator.dialogue()
                while sum(len(message["content"]) + 12 for message in messages) > MOST_CHARACTERS:
                    messages = generator.dialogue()
                line = json.dumps(messages, ensure_ascii=False)
                if line in seen:
                    continue
                seen.add(line)
                characters += sum(len(message["content"]) for message in messages)
                file.write(f"{line}\n")
        print(f"{len(seen)} distinct dialogues, {characters / 1e6:.1f} million characters")


if __name__ == "__main__":
    main()
