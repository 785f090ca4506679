"""The many ways in which people put one question: other frames, other words, greetings, slips of the keyboard."""

import random
import re

from dialogue_files import DATA
from made_up import WORDS
from patterns import PATTERNS, expanded

# A question that fits the pattern may be put in any of the frames; {x} is what the pattern caught.
FRAMES = [
    (r"How (?:do|can) I (?P<x>.+?)\?", [
        "How do I {x}?", "How can I {x}?", "How would I {x}?", "How to {x}?", "how to {x}", "How does one {x}?", "How could I {x}?",
        "What do I do to {x}?", "What must I do to {x}?", "Tell me how to {x}.", "Can you tell me how to {x}?", "I want to {x}.",
        "I would like to {x}.", "I'd like to {x}", "I need to {x}.", "Is there a way to {x}?", "What is the way to {x}?",
        "Show me how to {x}.", "Explain how to {x}.", "help me {x}", "I have to {x}, how?", "{x}, how?", "{x}?", "{x}", "want to {x}",
        "I am trying to {x}.", "I don't know how to {x}", "What's the best way to {x}?", "how do you {x}", "Do you know how to {x}?",
        "Suppose I wish to {x}.", "Any chance to {x}?", "My plan is to {x}.", "We must {x}.", "How are we to {x}?", "Somebody asked me to {x}.",
        "What are the steps to {x}?", "Could you explain how one can {x}?", "Where do I go to {x}?", "Which steps do I take to {x}?", "How may I {x}?",
        "In what way can I {x}?", "How would one {x}?", "What would let me {x}?", "Say I want to {x}: what then?", "I wonder how to {x}.", "I was told to {x}. How?",
        "Is it hard to {x}?", "What do people do to {x}?", "I must {x} today.", "Let me {x}.", "Could you help me to {x}?", "I did not find out how to {x}.",
    ]),
    (r"Can I (?P<x>.+?)\?", [
        "Can I {x}?", "Could I {x}?", "May I {x}?", "Is it possible to {x}?", "Am I able to {x}?", "Is there a way to {x}?", "can i {x}",
        "Can one {x}?", "I want to {x}, can I?", "I'd like to {x}. Is that possible?", "Would it be possible to {x}?", "Can I also {x}?",
        "Am I allowed to {x}?", "Are we able to {x}?", "Does anything keep me from it if I {x}?", "Will I be able to {x}?", "Is there any possibility to {x}?", "Might I {x}?",
        "Do you let me {x}?", "Can anybody {x}?", "Is it OK to {x}?",
    ]),
    (r"What (?P<y>is|are) (?P<x>[^?]{2,40})\?", [
        "What {y} {x}?", "what {y} {x}", "{x}?", "Explain {x}.", "Tell me about {x}.", "Can you explain {x}?", "What about {x}?",
        "I don't know what {x} {y}.", "Please explain {x} to me.", "Could you tell me what {x} {y}?", "What exactly {y} {x}?", "{x}: what {y} that?",
        "I read about {x}. What {y} it?", "What do you call {x}?", "Give me a short explanation of {x}.", "Somebody mentioned {x}. What {y} that?", "Define {x}.", "What do I have to know about {x}?",
    ]),
    (r"What does (?P<x>.+?) (?P<y>mean|do)\?", [
        "What does {x} {y}?", "what does {x} {y}", "Explain {x}.", "What is {x}?", "{x}?", "Can you tell me what {x} {y}s?", "What is the meaning of {x}?",
        "I see {x}. What does it {y}?", "What is {x} for?", "Tell me what {x} {y}s.",
    ]),
    (r"Where (?P<y>is|are) (?P<x>.+?)\?", [
        "Where {y} {x}?", "where {y} {x}", "Where do I find {x}?", "Where can I find {x}?", "I am looking for {x}.", "I can't find {x}", "How do I find {x}?",
        "Show me where {x} {y}.", "I cannot find {x}, where {y} it?", "In which place {y} {x}?",
    ]),
    (r"Is there (?P<x>an? .+?)\?", ["Is there {x}?", "Does Corral have {x}?", "Do you have {x}?", "is there {x}", "I am looking for {x}.", "I need {x}.", "Has Corral got {x}?"]),
    (r"Does (?:Corral|it) (?P<x>.+?)\?", ["Does Corral {x}?", "Does it {x}?", "does this {x}", "Can Corral {x}?", "Will it {x}?", "Does this program {x}?"]),
    (r"I want (?P<x>.+?)\.", ["I want {x}.", "I would like {x}.", "I need {x}.", "i'd like {x}", "How do I get {x}?", "Can I have {x}?"]),
]
CORRAL_NAMES = ["corral", "this app", "this program", "this", "the server", "your software", "this thing"]
BEFORE = [
    "Please tell me: ", "A question: ", "Hi. ", "Hello, ", "One more thing: ", "Cria, ", "And ", "So, ", "Quick question: ", "Hey, ", "Ok, ", "Sorry, ",
    "Excuse me, ", "Hi Cria, ", "Now ", "Well, ", "Another question. ", "please, ", "I wonder: ", "Just asking: ", "By the way, ", "Thanks. ", "Hm, ", "Good morning. ",
    "I am new to all this. ", "My daughter asks: ", "Listen, ", "My boss asks me: ", "For a friend: ", "It is late, but ", "I have been wondering: ", "A silly question: ", "Good evening. ", "Dear Cria, ",
    "Maybe you know: ", "I am in a hurry. ", "Before I forget: ", "Let me ask you something. ", "Oh, ", "Alright, ", "Yo, ", "Mate, ", "Sir, ", "Morning! ", "I hope you can help. ", "Something else. ", "To be honest, ",
    "I have tried for an hour. ", "I am no expert. ", "My colleagues wonder: ", "Just so I know: ", "Out of curiosity: ", "First things first: ", "Once and for all: ", "Be so kind: ", "In plain words: ", "Next: ",
    "I read the docs and still wonder: ", "My son says I should ask you: ", "We are in a meeting. ", "I sit in a train. ", "I need this for work. ", "Back again. ", "Imagine this: ", "A problem: ", "Help! ",
]
AFTER = [" Thanks.", " Thank you!", " please", ", please", " Can you help?", " I am new here.", " thx", " Please help.", " I have no idea.", " Tell me in short.", " Any idea?", " Any ideas?", " Cheers.", " It drives me mad.", " I am in a hurry.", " That would be nice.", " I am lost.", " Is that possible?", " What do I do?", " If you know.", " Much obliged.", " It is urgent."]
SHORTER = [("What is", "What's"), ("do not", "don't"), ("cannot", "can't"), ("I am", "I'm"), ("I would", "I'd"), ("Where is", "Where's"), ("it is", "it's"), ("does not", "doesn't"), ("I have", "I've")]
# Where a finger slips to on the usual keyboard.
NEXT_KEY = dict(zip("abcdefghijklmnopqrstuvwxyz", "snvfrgjhokljnmbpwetdyibwcu"))


def keeps_capital(text: str) -> bool:
    return text[1:2].isupper() or text.startswith(("I ", "I'", "HF", "KV", "Corral", "Cria", "Llama", "Python", "Ctrl", "TGI", "Hugging", "`"))


def lowered(text: str) -> str:
    return text if keeps_capital(text) else text[:1].lower() + text[1:]


def reframed(question: str, rng: random.Random) -> str:
    for pattern, frames in FRAMES:
        match = re.fullmatch(pattern, question)
        if match:
            parts = match.groupdict()
            return rng.choice(frames).format(x=parts["x"], y=parts.get("y", ""))
    return question


def read_synonyms() -> dict[str, list[str]]:
    """For each word or phrase those that may stand for it."""
    synonyms: dict[str, list[str]] = {}
    for line in (DATA / "synonyms.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            only, _, others = line.partition(" > ")
            if others:
                synonyms.setdefault(only, []).extend(others.split(" | "))
                continue
            alike = line.split(" | ")
            for one in alike:
                # Of several words, some are only meant to be put for one: "get to" is not searched for.
                if " " not in one or one == alike[0]:
                    synonyms.setdefault(one, []).extend(other for other in alike if other != one)
    return synonyms


SYNONYMS = read_synonyms()
LONGEST_FIRST = sorted(SYNONYMS, key=len, reverse=True)
KNOWN_WORDS = re.compile(rf"(?<![\w`/.*-])(?:{'|'.join(map(re.escape, LONGEST_FIRST))}|Corral)(?![\w`/*-])")


def reworded(question: str, rng: random.Random) -> str:
    """One to three words give way to others of the same meaning; what looks like code stays."""
    spots = list(KNOWN_WORDS.finditer(question))
    chosen = rng.sample(spots, min(len(spots), rng.choice([1, 1, 2, 3])))
    for spot in sorted(chosen, key=lambda one: one.start(), reverse=True):
        others = CORRAL_NAMES if spot.group() == "Corral" else SYNONYMS[spot.group()]
        question = question[: spot.start()] + rng.choice(others) + question[spot.end() :]
    return question


SMALL_WORDS = set("a an the of to do does did i you it is are am be can could would will my me please there that this in on for with and so one".split())


def clipped(question: str, rng: random.Random) -> str:
    """As a note: most small words left out, and at times one of the others."""
    words = question.split(" ")
    if len(words) < 5:
        return question
    kept = [word for word in words if rng.random() > (0.5 if word.lower() in SMALL_WORDS else 0.06)]
    return " ".join(kept) if len(kept) >= 3 else question


def slipped(text: str, rng: random.Random) -> str:
    """One slip in a word of small letters."""
    spots = [match for match in re.finditer(r"(?<![\w`/.-])[a-z]{4,}(?![\w`/.-])", text)]
    if not spots:
        return text
    spot = rng.choice(spots)
    at = rng.randrange(spot.start() + 1, spot.end() - 1)
    kind = rng.random()
    if kind < 0.35:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind < 0.65:
        return text[:at] + text[at + 1 :]
    if kind < 0.8:
        return text[:at] + text[at] + text[at:]
    return text[:at] + NEXT_KEY[text[at]] + text[at + 1 :]


def careless(question: str, rng: random.Random) -> str:
    """Without the sign at the end, without capitals, with a slip: as people type."""
    draw = rng.random()
    if draw < 0.15:
        question = question.rstrip("?.!") or question
    elif draw < 0.27:
        question = question.lower().rstrip("?.!") or question
    elif draw < 0.29 and question.rstrip("?.!"):
        question = question.rstrip("?.!") + rng.choice(["??", "?!", " ?", "..."])
    return slipped(question, rng) if rng.random() < 0.1 else question


def vary(question: str, rng: random.Random) -> str:
    if rng.random() < 0.45:
        question = reframed(question, rng)
    if rng.random() < 0.5:
        question = reworded(question, rng)
    if rng.random() < 0.1:
        question = clipped(question, rng)
    if rng.random() < 0.06:
        question = strayed(question, rng)
    if rng.random() < 0.2:
        long, short = rng.choice(SHORTER)
        question = question.replace(long, short)
    if rng.random() < 0.2:
        before = rng.choice(BEFORE)
        question = before + (question if before.endswith((". ", ": ")) else lowered(question))
    if rng.random() < 0.1:
        after = rng.choice(AFTER)
        question = (question.rstrip("?.!") if after.endswith("please") else question) + after
    question = careless(question, rng)
    if rng.random() < 0.12:
        question = beside(question, rng)
    if "`" in question and rng.random() < 0.5:
        question = question.replace("`", "")
    return question


def beside(question: str, rng: random.Random) -> str:
    """With a sentence that has nothing to do with it."""
    aside = expanded(rng.choice(PATTERNS["aside"]), rng)
    return f"{aside} {question}" if rng.random() < 0.75 else f"{question} {aside}"


def strayed(question: str, rng: random.Random) -> str:
    """One word gave way to another of no relation: no single word may decide what is meant."""
    words = question.split(" ")
    spots = [at for at, word in enumerate(words) if word.isalpha() and word.islower() and word not in SMALL_WORDS]
    if len(words) < 6 or len(spots) < 3:
        return question
    words[rng.choice(spots)] = rng.choice(WORDS)
    return " ".join(words)


def bare(text: str) -> str:
    """What is left of a wording where case and signs do not count."""
    return re.sub(r"[^\w+]+", " ", text.lower()).strip()


QUESTION_WORDS = SMALL_WORDS | set("what how which where when who whom why does is s t if then should must want it its has have".split())


def content_of(text: str) -> frozenset[str]:
    """The beginnings of the words that carry the meaning; of all words where there are no such."""
    words = bare(text).split()
    return frozenset(word[:5] for word in words if word not in QUESTION_WORDS) or frozenset(words)


def are_near(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= 0.6 * len(one | other)


def pattern_of(text: str) -> str:
    """The text as a regular expression that Python and JavaScript read alike."""
    return re.sub(r"[.*+?^${}()|\[\]\\]", r"\\\g<0>", text)
