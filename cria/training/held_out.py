"""Makes cria/data/held-out: dialogues whose last answer the model is to give, each with its check; none of them is trained on."""

import json
from pathlib import Path

from dialogue_files import DATA
from dialogues import MOST_CHARACTERS, Generator
from exact_tasks import TASKS
from personas import persona_checks, said
from recall import chain_dialogue, recall_dialogue, unknown_dialogue
from unknown import long_sum, world


class HeldOut:
    def __init__(self, seed: int) -> None:
        self.generator = Generator(seed, held_out=True)
        self.values = self.generator.values
        self.rows: dict[str, list[dict]] = {"recall": [], "exact": [], "facts": [], "system": [], "talk": []}

    def keep(self, kind: str, name: str, messages: list[dict], check: dict) -> None:
        rows = self.rows[kind]
        rows.append({"id": f"{kind}-{len(rows) + 1:03}", "about": name, "messages": messages, "check": check})

    def facts(self) -> None:
        for fact in self.generator.facts:
            for question in fact.held_out:
                self.keep("facts", fact.name, [said("user", question)], {"contains": [fact.has], "ignoreCase": True})
        for index in range(30):
            question, _, check = (long_sum if index % 6 == 0 else world)(self.values)
            self.keep("facts", "the wide world", [said("user", question)], check)

    def recall(self) -> None:
        makers = [recall_dialogue] * 8 + [unknown_dialogue] + [lambda values, _: chain_dialogue(values)]
        while len(self.rows["recall"]) < 200:
            maker = makers[len(self.rows["recall"]) % len(makers)]
            messages, check = maker(self.values, self.generator.between)
            between = len(messages) // 2 - 1
            if between <= 4 and sum(len(message["content"]) + 12 for message in messages) <= MOST_CHARACTERS:
                self.keep("recall", f"after {between} turns", messages[:-1], check)

    def exact(self) -> None:
        tasks = list(dict.fromkeys(TASKS))
        # Adding and subtracting are asked more often than the rest, as in training.
        order = TASKS + tasks
        for index in range(220):
            task = order[index % len(order)]
            question, _, check = task(self.values)
            self.keep("exact", task.__name__, [said("user", question)], check)

    def system(self) -> None:
        held = [(fact, question) for fact in self.generator.about_corral for question in fact.held_out[:1] if len(fact.answers[0]) < 150]
        for name, system, question, check in [*persona_checks(self.values, held), *self.generator.modes.checks(held)]:
            self.keep("system", name, [said("system", system), said("user", question)], check)

    def talk(self) -> None:
        for line in (DATA / "held-out-talk.txt").read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                turns = line.split(" / ")
                messages = [said("assistant" if at % 2 else "user", turn.strip()) for at, turn in enumerate(turns)]
                self.keep("talk", "ends its turn", messages, {"ends": True, "maximumWords": 150})

    def write(self, folder: Path) -> None:
        for make in (self.facts, self.recall, self.exact, self.system, self.talk):
            make()
        folder.mkdir(parents=True, exist_ok=True)
        for kind, entries in self.rows.items():
            text = "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)
            (folder / f"{kind}.jsonl").write_text(text, encoding="utf-8")
