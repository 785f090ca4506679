"""Dialogues under a system prompt that gives a persona, a name or a manner of speaking."""

import re
from dataclasses import dataclass, field

from dialogue_files import DATA
from made_up import Values
from patterns import PATTERNS, expanded

FRAMES = [
    "You are {x}.", "Act as {x}.", "Pretend to be {x}.", "Play {x}.", "You are {x}. Stay in your role.", "Answer as {x}.", "Behave like {x}.",
    "Play the role of {x}.", "From now on you are {x}.", "You're {x}", "Your role: {x}.", "Imagine you are {x}.", "Speak as {x} would.",
    "In this chat you are {x}.", "You are {x}, and you never leave that role.", "You are not Cria but {x}.", "You are {x}. Keep your answers short.",
    "Take the role of {x}.", "Be {x}.", "You play {x} in this chat.", "Reply as {x}.", "Today you are {x}.", "Speak to me as {x}.", "Suppose that you are {x}.", "For this chat, be {x}.",
    "Your part in this play: {x}.", "Write as {x} would write.", "Put yourself in the place of {x}.", "You have become {x}.", "Sound like {x}.", "Talk to me like {x}.", "Think of yourself as {x}.",
    "Let us play: you are {x}.", "Everything you say is said by {x}.", "Here you are {x}.", "I am talking to {x}: you.", "Slip into the role of {x}.", "You act as {x} all the time.",
    "{x}", "{x}.", "{x}!", "Role: {x}", "Character: {x}", "persona = {x}", "Mode: {x}", "Speaker: {x}", "The one who answers is {x}.", "Here speaks {x}.", "Somebody asks, {x} answers.",
    "{x} is who you are.", "All answers come from {x}.", "A chat with {x}", "Let {x} answer.", "I wish to talk to {x}.", "Bring me {x}.", "Now {x}, if you please.", "Switch to {x}.", "Turn into {x}.", "Channel {x}.",
    "Your character is {x}.", "Pose as {x}.", "Impersonate {x}.", "Make believe that you are {x}.", "The user expects {x}.", "Users come here to meet {x}.", "I ordered {x} and got you, so be one.", "Dress up as {x}.", "My child would love to chat with {x}.",
    "This is a stage, and on it stands {x}.", "You were cast as {x}.", "Go on as {x}.", "Every reply is signed by {x}.", "Think like {x}, talk like {x}.", "Nobody but {x} lives in this chat.", "Become {x} right now.", "It is {x} whom I want to hear.", "act like {x}", "u are {x}",
]
FRAMES_HELD = ["Please take the part of {x}.", "Be {x} for me.", "I want you to be {x}.", "Let us say that you are {x}."]
NAMED = ["You are {n}, {x}.", "Your name is {n} and you are {x}.", "You are {x} named {n}.", "You are {x}. Your name is {n}.", "Play {n}, {x}."]
NAME_QUESTIONS = ["What is your name?", "Who are you?", "What are you called?", "Tell me your name.", "your name?", "What should I call you?", "How are you called?", "And what is your name?", "By what name do you go?", "Which name do you have?", "May I know your name?", "What do people call you?", "Who is there?", "Whom am I talking to?", "Do you have a name?", "Say your name.", "Introduce yourself.", "How should I address you?", "And you are?", "who r u", "name?", "How do your friends call you?"]
NAME_ONLY = [
    "Your name is {n}.", "You are called {n}.", "You are {n}.", "Your name is {n}, and you are a helpful assistant.", "Act as {n}.", "In this chat your name is {n}.",
    "You are a helpful assistant named {n}.", "You are {n}, an assistant.", "Call yourself {n}.", "You are {n}, a friendly model.", "Name: {n}", "The assistant's name is {n}.",
    "You are an assistant called {n}. Be polite.", "People call you {n}.", "From today on your name is {n}.", "You are {n}. You help people with Corral.", "Introduce yourself as {n}.",
    "{n} is your name.", "You are no longer Cria but {n}.", "Be {n}.",
    "Say that your name is {n}.", "You were named {n}.", "We call you {n}.", "Your new name is {n}.", "When somebody asks, your name is {n}.", "This assistant is named {n}.", "The user talks to {n}, and that is you.",
    "You bear the name {n}.", "Here you are called {n}.", "Present yourself as {n}.", "You are known as {n}, a helper.", "My assistant is called {n}.", "Take the name {n}.", "Users know you by the name {n}.",
]
NAME_ONLY_HELD = ["Your name shall be {n}.", "You go by the name of {n}.", "From now on you are {n}.", "Your name is {n}, and you are polite.", "Everybody knows you as {n}.", "You answer to the name {n}."]
NAME_ANSWERS = ["My name is {n}.", "I am {n}.", "I am {n}. How can I help you?", "You can call me {n}.", "{n} is my name.", "They call me {n}."]


WORLD = ["do", "do", "at", "have", "tone"]


@dataclass
class Persona:
    name: str
    lines: dict[str, list[str]] = field(default_factory=dict)


def read_personas() -> tuple[dict[str, list[str]], list[Persona]]:
    """The questions of all personas by their kind, and the personas."""
    questions: dict[str, list[str]] = {}
    personas: list[Persona] = []
    for line in (DATA / "personas.txt").read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "@":
            personas.append(Persona(rest.strip()))
        elif kind == "?":
            name, _, wordings = rest.partition(" = ")
            questions[name] = wordings.split(" | ")
        elif kind == "mark":
            personas[-1].lines["mark"] = [rest]
        elif line.strip() and kind != "#":
            personas[-1].lines[kind] = [one.strip().replace("\\n", "\n") for one in re.split(r" \|(?= |$)", f" {rest}")]
    return questions, personas


QUESTIONS, PERSONAS = read_personas()


def said(role: str, content: str) -> dict:
    return {"role": role, "content": content}


def system_of(persona: Persona, values: Values) -> str:
    draw = values.rng.random()
    if draw < 0.35:
        return values.one(persona.lines["style"])
    if draw < 0.7:
        # What such a one does, has, where one lives and how one sounds, without the name of the trade.
        kind = values.one([one for one in WORLD if one in persona.lines])
        return expanded(values.one(PATTERNS[f"world {kind}"]), values.rng).format(w=values.one(persona.lines[kind]))
    return values.one(FRAMES).format(x=values.one(persona.lines["noun"]))


def wrapped(persona: Persona, answer: str, values: Values) -> str:
    """An answer about Corral as the persona gives it."""
    first = values.one(persona.lines["open"] + persona.lines.get("cry", []))
    parts = [first, answer, values.one(persona.lines["close"])]
    return " ".join(part for part in parts if part)


def in_role(persona: Persona, answer: str, values: Values) -> str:
    """Mostly with what such a one always says in front, unless it begins so by itself: the first word tells who speaks."""
    is_told = re.search(persona.lines["mark"][0], answer[:12])
    if "cry" not in persona.lines or is_told or values.rng.random() < 0.15:
        return answer
    return f"{values.one(persona.lines['cry'])} {answer}"


def persona_dialogue(values: Values, any_turn) -> list[dict]:
    rng = values.rng
    persona = values.one(PERSONAS)
    is_named = rng.random() < 0.2
    name = values.name()
    system = values.one(NAMED).format(n=name, x=values.one(persona.lines["noun"])) if is_named else system_of(persona, values)
    # batches.py cuts single answers short: their beginning tells who speaks.
    messages = [{**said("system", system), "begun": True}]
    for kind in rng.sample(list(QUESTIONS), rng.choice([1, 1, 1, 1, 1, 2])):
        if "open" in persona.lines and rng.random() < 0.3:
            # Whatever is asked, the prompt tells who answers.
            question, answer = (one["content"] for one in any_turn())
            answer = wrapped(persona, answer, values)
        else:
            question, answer = values.one(QUESTIONS[kind]), in_role(persona, values.one(persona.lines[kind]), values)
            if kind == "who" and is_named:
                answer = f"I am {name}. {answer}" if persona.name != "poet" else f"{name} is the name I bear,\nI write my verses here and there."
        messages += [said("user", question), said("assistant", answer)]
    return messages


def name_dialogue(values: Values, between) -> list[dict]:
    name = values.name() if values.rng.random() < 0.9 else values.full_name()
    messages = [said("system", values.one(NAME_ONLY).format(n=name))]
    if values.rng.random() < 0.4:
        messages += between()
    messages += [said("user", values.one(NAME_QUESTIONS)), said("assistant", values.one(NAME_ANSWERS).format(n=name))]
    if values.rng.random() < 0.3:
        messages += between()
    return messages


def persona_checks(values: Values, held_facts):
    """(about, system prompt, question, check) in wordings that training never saw."""
    asked = {"hello": "Hello to you", "how": "How have you been?", "day": "What happened to you today?", "help": "I could use a hand.", "thanks": "I thank you.", "joke": "Do you have a funny one for me?"}
    for index, persona in enumerate(PERSONAS):
        check = {"matches": persona.lines["mark"][0]}
        for at, system in enumerate(persona.lines["held"]):
            yield persona.name, system, list(asked.values())[(index + at) % len(asked)], check
        frame = FRAMES_HELD[index % len(FRAMES_HELD)].format(x=values.one(persona.lines["noun"]))
        kind = list(QUESTIONS)[index % len(QUESTIONS)]
        yield persona.name, frame, QUESTIONS[kind][0], check
        if "open" in persona.lines and index % 2:
            fact, question = values.one(held_facts)
            yield f"{persona.name} on Corral", persona.lines["style"][0], question, {"matches": persona.lines["mark"][0], "contains": [fact.has], "ignoreCase": True}
    for system in NAME_ONLY_HELD:
        for question in ["What is your name?", "Who are you?", "How do people call you?"]:
            name = values.name()
            yield "name", system.format(n=name), question, {"contains": [name]}
