"""Dialogues in which something is told and asked for later, with corrections and with other talk between."""

import re

from dialogue_files import DATA
from made_up import COLOURS, FOODS, JOBS, LIKINGS, MONTHS, THINGS, WEEKDAYS, Values
from wordings import pattern_of

FROM_LISTS = {"liking": LIKINGS, "thing": THINGS, "job": JOBS, "month": MONTHS, "weekday": WEEKDAYS, "colour": COLOURS, "food": FOODS}
# Kinds whose questions could mean one another are not told in one dialogue.
ALIKE = [{"friend", "friends"}, {"list", "friends"}, {"number", "age"}, {"weekday", "time"}, {"thing", "food"}, {"liking", "food"}, {"thing", "liking"}, {"word", "list"}, {"number", "list"}, {"friend", "thing"}]
GREET = ["Greet me by my name.", "Say hello to me and use my name.", "Can you greet me by name?", "Write me a greeting with my name.", "Wish me a good night by name.", "Say something nice to me and use my name."]
GREET_HELD = ["Could you welcome me with my name?"]
GREETINGS = ["Hello, {x}! How nice that you are here.", "Good day, {x}!", "Hello, {x}! I am glad to talk with you."]
BOTH = ["What are they called?", "What are the names of the two?", "Tell me both names.", "Who are they?"]
SUMMARY = ["What do you know about me?", "Tell me what you know about me.", "What did I tell you?", "What have you learned about me?", "Sum up what I told you."]
SUMMARY_HELD = ["Which things about me do you remember?"]
AFTER_CORRECTION = ["I see, {x}. Thank you for telling me.", "Ah, {x}. I will remember that.", "All right: {x}.", "{x}, then. Thank you."]

LISTS = [
    "My list: {x}", "Shopping list: {x}", "I need {x}.", "Start a list with {x}.", "New list: {x}", "Put {x} on my list.", "Begin a list: {x}", "I have to buy {x}.", "Make a list of {x}.",
    "List: {x}", "We need {x}.", "For the trip I pack {x}.", "Please note {x}.", "On my list: {x}",
]
ADDING = [
    "Add {x}.", "Put {x} on the list.", "And {x}.", "I also need {x}.", "Also {x} please.", "Then {x}.", "One more: {x}", "And also {x}.", "Add {x} to it.", "Write down {x} too.", "{x} as well.", "Oh, and {x}.",
    "I forgot {x}.", "Please add {x}.", "Put {x} there too.",
]
TAKING = [
    "Remove {x}.", "Take {x} off the list.", "I do not need {x}.", "Without {x}.", "Delete {x}.", "No {x} after all.", "Strike {x}.", "Drop {x}.", "I have {x} already.", "Forget {x}.", "Take {x} out.",
    "Please remove {x}.", "Leave out {x}.", "{x} is not needed.",
]
WHOLE_LIST = [
    "What was on my list?", "What is on the list?", "Repeat my list.", "Which things did I name?", "Show the list.", "What do I need?", "Tell me the whole list.", "What does the list look like?", "Read me the full list.",
    "And what is on it now?", "The complete list, please.", "Say all that is on the list.", "What have we got on the list?", "Print the list.", "Let me see my list.", "How does the list go now?", "Everything on the list, please.",
    "What is left on the list?", "Give me the list.", "So what is the list?", "List everything.", "The list at the end?", "What is my list now?", "Show me all of it.", "Now say the list.", "Current list?", "What do I have to buy now?",
    "Recite the list as it stands.", "What does my list hold at present?", "Once more the full list.", "list now?",
]
WHOLE_LIST_HELD = ["What is on the list now?", "Give me the whole list as it is now."]


def read_kinds() -> dict[str, dict[str, list[str]]]:
    kinds: dict[str, dict[str, list[str]]] = {}
    for line in (DATA / "recall.txt").read_text(encoding="utf-8").splitlines():
        key, _, rest = line.partition(" ")
        if key == "@":
            lines = kinds.setdefault(rest.strip(), {})
        elif line.strip() and key != "#":
            lines[key] = rest.split(" | ")
    return kinds


KINDS = read_kinds()


def said(question: str, answer: str) -> list[dict]:
    answer = re.sub(r"^[a-zà-ž]", lambda match: match.group(0).upper(), answer)
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def value_of(values: Values, kind: str) -> str:
    what = KINDS[kind]["value"][0]
    rng = values.rng
    if what in FROM_LISTS:
        return values.one(FROM_LISTS[what])
    if what == "name":
        return values.full_name() if kind == "name" and rng.random() < 0.08 else values.name()
    if what in ("list", "names"):
        count = rng.choice([2, 3, 3, 3, 4])
        items = values.words(count) if what == "list" else [values.name() for _ in range(count)]
        return ", ".join(items) if rng.random() < 0.6 else f"{', '.join(items[:-1])} and {items[-1]}"
    if what == "number":
        return values.number(1, 99999)
    if what == "age":
        return str(rng.randint(4, 99))
    if what == "time":
        return f"{rng.randint(6, 22)}:{rng.choice(['00', '15', '30', '45'])}"
    return values.town() if what == "town" else values.word()


def together(kinds: list[str]) -> bool:
    return not any(pair <= set(kinds) for pair in ALIKE)


def told(values: Values, kind: str, x: str) -> list[dict]:
    return said(values.one(KINDS[kind]["T"]).format(x=x), values.one(KINDS[kind]["K"]).format(x=x))


def asked(values: Values, kind: str, x: str) -> list[dict]:
    if kind == "name" and values.rng.random() < 0.15:
        return said(values.one(GREET_HELD if values.held_out else GREET), values.one(GREETINGS).format(x=x))
    is_new = values.held_out and values.rng.random() < 0.6
    return said(values.one(KINDS[kind]["H" if is_new else "Q"]), values.one(KINDS[kind]["A"]).format(x=x))


def wanted(kind: str, x: str) -> dict:
    """A list is right with its items in their order, whatever stands between."""
    if KINDS[kind]["value"][0] in ("list", "names"):
        items = re.split(r", | and ", x)
        return {"matches": r"[\s\S]*".join(pattern_of(one) for one in items)}
    # "The cup" is as right as "a cup".
    return {"contains": [re.sub("^(a|an) ", "", x)], "ignoreCase": True}


def summary(facts: dict[str, str], values: Values) -> list[dict]:
    parts = [KINDS[kind]["A"][0].format(x=x) for kind, x in facts.items()]
    return said(values.one(SUMMARY), " ".join(part[:1].upper() + part[1:] for part in parts))


def recall_dialogue(values: Values, between) -> tuple[list[dict], dict]:
    """Tells one to three things, talks of something else for up to four turns, and asks. `between` gives a turn."""
    rng = values.rng
    count = rng.choice([1, 1, 1, 2, 2, 3])
    kinds = rng.sample(list(KINDS), count)
    while not together(kinds):
        kinds = rng.sample(list(KINDS), count)
    facts: dict[str, str] = {}
    turns: list[dict] = []
    for kind in kinds:
        facts[kind] = value_of(values, kind)
        turns += told(values, kind, facts[kind])
        if rng.random() < 0.15:
            facts[kind] = value_of(values, kind)
            turns += said(rng.choice(KINDS[kind]["X"]).format(x=facts[kind]), rng.choice(AFTER_CORRECTION).format(x=facts[kind]))
    gap = max(0, rng.choice([0, 1, 1, 2, 2, 3, 4]) - (count - 1))
    for _ in range(gap):
        turns += between()
    chosen = rng.sample(kinds, len(kinds) if rng.random() < 0.5 and not values.held_out else 1)
    if count > 1 and rng.random() < 0.08 and not values.held_out:
        return turns + summary(facts, values), {}
    for kind in chosen:
        turns += asked(values, kind, facts[kind])
    return turns, wanted(chosen[-1], facts[chosen[-1]])


def unknown_dialogue(values: Values, between) -> tuple[list[dict], dict]:
    """Asks for what was never told, sometimes after something else was: the answer is that it was not."""
    kind = values.one(list(KINDS))
    turns: list[dict] = []
    if values.rng.random() < 0.4:
        other = values.one([one for one in KINDS if one != kind and together([one, kind])])
        turns += told(values, other, value_of(values, other))
    if values.rng.random() < 0.4:
        turns += between()
    question = values.one(KINDS[kind]["H" if values.held_out and values.rng.random() < 0.5 else "Q"])
    return turns + said(question, values.one(KINDS[kind]["N"])), {"matches": r"[Yy]ou have not|[Dd]o not know"}


def chain_dialogue(values: Values) -> tuple[list[dict], dict]:
    """A list that grows and shrinks, and what is on it at the end."""
    rng = values.rng
    items = values.words(rng.choice([2, 3]))
    turns = said(rng.choice(LISTS).format(x=", ".join(items)), f"Noted: {', '.join(items)}.")
    for _ in range(rng.choice([1, 1, 2])):
        if rng.random() < 0.65 or len(items) < 3:
            new = next(word for word in values.words(4) if word not in items)
            items.append(new)
            turns += said(rng.choice(ADDING).format(x=new), f"Now it is: {', '.join(items)}.")
        else:
            gone = rng.choice(items)
            items.remove(gone)
            turns += said(rng.choice(TAKING).format(x=gone), f"Now it is: {', '.join(items)}.")
    answer = ", ".join(items)
    questions = WHOLE_LIST_HELD if values.held_out else [*WHOLE_LIST, values.one(KINDS["list"]["Q"])]
    return turns + said(rng.choice(questions), f"Your list: {answer}."), wanted("list", answer)
