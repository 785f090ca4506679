"""Makes dialogues of every kind from what is written in cria/data. The same seed gives the same dialogues."""

import json
import random

from dialogue_files import DATA, Fact, Turn, all_dialogues, all_facts, fill
from exact_tasks import PRACTICE
from made_up import Values
from modes import Modes
from patterns import expanded
from personas import name_dialogue, persona_dialogue, said
from recall import chain_dialogue, recall_dialogue, unknown_dialogue
from tales import tale_turn
from unknown import long_sum, world
from wordings import are_near, bare, careless, content_of, vary

SYSTEMS = [
    "You are a helpful assistant.", "You are Cria, a small model.", "Be helpful and honest.", "You are a friendly assistant that knows Corral.",
    "You are a helpful, respectful and honest assistant.", "Answer the user's questions.", "You are a chat assistant.", "You help people who use Corral.",
    "Be kind.", "You are an AI assistant.", "Be honest when you do not know something.", "You are a good listener.",
]
SHARES = {"recall": 0.09, "exact": 0.16, "facts": 0.33, "talk": 0.02, "tale": 0.01, "system": 0.36, "unknown": 0.03}
# About 300 tokens: a row of training holds 320, and what is longer would be cut before its last answer.
MOST_CHARACTERS = 1000


class Generator:
    def __init__(self, seed: int, held_out: bool) -> None:
        self.rng = random.Random(seed)
        self.values = Values(self.rng, held_out)
        self.facts = all_facts()
        self.about_corral = [fact for fact in self.facts if fact.is_about_corral]
        self.about_cria = [fact for fact in self.facts if not fact.is_about_corral]
        self.kept_out = {bare(question) for fact in self.facts for question in fact.held_out}
        self.near_held_out = {fact.name: [content_of(question) for question in fact.held_out] for fact in self.facts}
        for line in (DATA / "held-out/fresh-facts.jsonl").read_text(encoding="utf-8").splitlines():
            fresh = json.loads(line)
            self.near_held_out[fresh["about"]].append(content_of(fresh["messages"][0]["content"]))
        dialogues = all_dialogues()
        self.talks = [turns for name, turns in dialogues if name != "system-prompts.txt"]
        self.personas = [turns for name, turns in dialogues if name == "system-prompts.txt"]
        self.modes = Modes(self.values, self.plain, self.corral)

    def written(self, turns: list[Turn]) -> list[dict]:
        filling = self.values.template()
        messages = []
        for turn in turns:
            text = fill(self.rng.choice(turn.wordings), filling)
            if turn.role == "user" and "\n" not in text and self.rng.random() < 0.4:
                text = careless(text, self.rng)
            messages.append(said(turn.role, text))
        # A dialogue may be left after any answer but the first.
        whole = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
        return messages[: self.rng.choice(whole) + 1]

    def made(self, fact: Fact) -> str:
        """What one of its patterns makes, unless it shares most of its words with a held-out wording."""
        while True:
            wording = expanded(self.rng.choice(fact.patterns), self.rng)
            content = content_of(wording)
            if not any(are_near(content, held) for held in self.near_held_out[fact.name]):
                return wording

    def asked(self, fact: Fact) -> str:
        while True:
            wording = self.made(fact) if fact.patterns and self.rng.random() < 0.5 else self.rng.choice(fact.questions)
            question = vary(wording, self.rng)
            if bare(question) not in self.kept_out:
                return question

    def fact_turn(self, facts=None) -> list[dict]:
        fact = self.rng.choice(facts or self.facts)
        return [said("user", self.asked(fact)), said("assistant", self.rng.choice(fact.answers))]

    def corral(self) -> tuple[str, str]:
        question, answer = self.fact_turn(self.about_corral)
        return question["content"], answer["content"]

    def plain(self) -> tuple[str, str]:
        """A question and an answer of one line without code."""
        while True:
            draw = self.rng.random()
            if draw < 0.3:
                messages = self.fact_turn(self.about_cria)
            elif draw < 0.45:
                messages = self.unknown_turn()
            else:
                messages = self.written(self.rng.choice(self.talks))[:2]
            answer = messages[1]["content"]
            if "`" not in answer and "\n" not in answer and len(answer) < 160:
                return messages[0]["content"], answer

    def unknown_turn(self) -> list[dict]:
        question, answer, _ = (long_sum if self.rng.random() < 0.15 else world)(self.values)
        return [said("user", vary(question, self.rng)), said("assistant", answer)]

    def exact_turn(self) -> list[dict]:
        question, answer, _ = self.rng.choice(PRACTICE)(self.values)
        return [said("user", question), said("assistant", answer)]

    def between(self) -> list[dict]:
        """A short turn that has nothing to do with what was told."""
        while True:
            draw = self.rng.random()
            if draw < 0.4:
                turn = self.fact_turn()
            elif draw < 0.65:
                turn = self.exact_turn()
            else:
                turn = self.written(self.rng.choice(self.talks))[:2]
            if sum(len(message["content"]) for message in turn) < 230:
                return turn

    def any_turn(self) -> list[dict]:
        """A question that is not about who answers."""
        if self.rng.random() < 0.5:
            return self.fact_turn(self.about_corral)
        question, answer = self.plain()
        return [said("user", question), said("assistant", answer)]

    def system_dialogue(self) -> list[dict]:
        draw = self.rng.random()
        if draw < 0.58:
            return persona_dialogue(self.values, self.any_turn)
        if draw < 0.65:
            return name_dialogue(self.values, self.between)
        if draw < 0.95:
            return self.modes.dialogue()
        if draw < 0.98:
            return self.modes.briefing(self.between)
        return self.written(self.rng.choice(self.personas))

    def of_kind(self, kind: str) -> list[dict]:
        rng = self.rng
        if kind == "recall":
            return chain_dialogue(self.values)[0] if rng.random() < 0.08 else recall_dialogue(self.values, self.between)[0]
        if kind == "unknown" and rng.random() < 0.35:
            return unknown_dialogue(self.values, self.between)[0]
        if kind == "system":
            return self.system_dialogue()
        turn = {
            "unknown": self.unknown_turn, "exact": self.exact_turn, "facts": self.fact_turn,
            "talk": lambda: self.written(rng.choice(self.talks)), "tale": lambda: tale_turn(self.values),
        }[kind]
        # Mostly single questions about facts: batches.py cuts their answers short, and more of them find room.
        count = rng.choice([1, 1, 1, 1, 1, 1, 2, 3, 4]) if kind == "facts" else rng.randint(1, {"unknown": 3, "exact": 8, "talk": 3, "tale": 1}[kind])
        return [message for _ in range(count) for message in turn()]

    def dialogue(self) -> list[dict]:
        while True:
            kind = self.rng.choices(list(SHARES), list(SHARES.values()))[0]
            messages = self.of_kind(kind)
            if kind != "system" and self.rng.random() < 0.1:
                messages.insert(0, said("system", self.rng.choice(SYSTEMS)))
            if sum(len(message["content"]) + 12 for message in messages) <= MOST_CHARACTERS:
                return messages
