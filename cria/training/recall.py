"""Dialogues in which something is told and asked for later, with corrections and with other talk between."""

from made_up import COMMON, JOBS, LIKINGS, MONTHS, THINGS, WEEKDAYS, Values

# kind: (told, acknowledged, corrected, asked, asked in held-out wording, answered)
KINDS = {
    "name": (
        ["My name is {x}.", "I am {x}.", "I'm {x}", "my name is {x}", "Call me {x}.", "Hello, my name is {x}.", "Hi, I'm {x}!", "You can call me {x}.", "People call me {x}.", "This is {x} speaking.", "The name is {x}."],
        ["Nice to meet you, {x}!", "Hello, {x}! How can I help you?", "Pleased to meet you, {x}.", "Hi {x}!"],
        ["No, my name is {x}.", "Sorry, I meant {x}.", "That was wrong. My name is {x}.", "Actually, call me {x}."],
        ["What is my name?", "Do you know my name?", "What's my name?", "Who am I?", "Do you remember my name?", "what was my name", "Tell me my name.", "How am I called?", "Say my name."],
        ["Which name did I give you?", "Can you recall what I am called?"],
        ["Your name is {x}.", "You are {x}.", "{x}."],
    ),
    "number": (
        ["My number is {x}.", "Remember the number {x}.", "The number is {x}.", "My lucky number is {x}.", "Please remember {x}.", "Keep the number {x} in mind.", "I am thinking of the number {x}.", "The code is {x}."],
        ["I will remember {x}.", "{x}, noted.", "All right, {x}."],
        ["No, the number is {x}.", "Sorry, it is {x}.", "I was wrong, it is {x}.", "Make that {x}."],
        ["What was the number?", "What is my number?", "Which number did I tell you?", "Do you remember the number?", "Tell me the number.", "what number was it", "Which number was it?"],
        ["Can you give me that number again?"],
        ["The number is {x}.", "It was {x}.", "{x}."],
    ),
    "town": (
        ["I live in {x}.", "I am from {x}.", "I come from {x}.", "My home is {x}.", "I moved to {x}.", "My town is {x}.", "I'm living in {x} now."],
        ["{x} sounds like a nice place.", "How nice! I have never seen {x}.", "Do you like it in {x}?"],
        ["No, I live in {x}.", "Sorry, I meant {x}.", "Actually it is {x}."],
        ["Where do I live?", "Where am I from?", "Which town do I live in?", "What is my home town?", "Do you remember where I live?", "Where is my home?"],
        ["Which place did I say I come from?"],
        ["You live in {x}.", "In {x}.", "{x}."],
    ),
    "liking": (
        ["I like {x}.", "I love {x}.", "My hobby is {x}.", "I am fond of {x}.", "I enjoy {x}.", "What I like most is {x}."],
        ["That is nice!", "{x} is a fine thing.", "How nice that you like {x}."],
        ["No, I like {x}.", "Actually I like {x} more.", "Sorry, I meant {x}."],
        ["What do I like?", "Do you remember what I like?", "What did I say that I like?", "Tell me what I like.", "What do I enjoy?"],
        ["What was it that I am fond of?"],
        ["You like {x}.", "{x}."],
    ),
    "thing": (
        ["I bought {x}.", "I found {x}.", "I have {x} in my bag.", "I got {x} today.", "I lost {x}.", "On my table there is {x}."],
        ["I see, {x}.", "{x}, how nice.", "Tell me more about it."],
        ["No, it was {x}.", "Sorry, I meant {x}.", "Actually it was {x}."],
        ["What thing did I tell you about?", "What was it that I had?", "Which thing did I mention?", "What did I tell you about?", "Do you remember the thing?"],
        ["Which object did I speak of?"],
        ["It was {x}.", "You told me about {x}.", "{x}."],
    ),
    "job": (
        ["I am a {x}.", "I work as a {x}.", "My job is {x}.", "I earn my money as a {x}.", "I'm a {x}"],
        ["That is interesting work.", "A {x}! Do you like it?", "How nice, a {x}."],
        ["No, I am a {x}.", "Sorry, I meant {x}.", "Actually I work as a {x}."],
        ["What is my job?", "What do I do for a living?", "What is my work?", "Do you remember my job?", "As what do I work?"],
        ["What profession did I say I have?"],
        ["You are a {x}.", "You work as a {x}."],
    ),
    "pet": (
        ["My dog is called {x}.", "I have a dog named {x}.", "My dog's name is {x}.", "We have a dog. Its name is {x}."],
        ["{x} is a nice name for a dog.", "How nice! Give {x} a pat from me."],
        ["No, the dog is called {x}.", "Sorry, its name is {x}."],
        ["What is my dog's name?", "What is my dog called?", "How is my dog called?", "Do you remember the name of my dog?"],
        ["Which name has my dog?"],
        ["Your dog is called {x}.", "{x}."],
    ),
    "friend": (
        ["My friend is called {x}.", "My sister's name is {x}.", "I have a brother named {x}.", "My neighbour is {x}.", "I met {x} today.", "Yesterday I saw {x}."],
        ["{x} sounds nice.", "How nice! Do you see {x} often?", "Greet {x} from me."],
        ["No, the name is {x}.", "Sorry, I meant {x}."],
        ["Whom did I tell you about?", "What was the name of that person?", "Who was the person I mentioned?", "Which person did I speak of?"],
        ["Who was it that I talked about?"],
        ["It was {x}.", "You told me about {x}.", "{x}."],
    ),
    "word": (
        ["The secret word is {x}.", "Remember the word {x}.", "The password is {x}.", "Please keep this word in mind: {x}", "My word is {x}."],
        ["I will remember the word {x}.", "{x}, noted."],
        ["No, the word is {x}.", "Sorry, it is {x}."],
        ["What was the word?", "What is the secret word?", "Which word did I tell you?", "Tell me the word.", "Do you remember the word?"],
        ["Can you give me that word again?"],
        ["The word is {x}.", "It was {x}.", "{x}."],
    ),
    "day": (
        ["My birthday is in {x}.", "I was born in {x}.", "My holiday is in {x}."],
        ["I will remember {x}.", "{x} is a fine month."],
        ["No, it is in {x}.", "Sorry, I meant {x}."],
        ["Which month did I tell you?", "In which month was it?", "What month did I say?"],
        ["Which month did I mention?"],
        ["In {x}.", "It was {x}."],
    ),
    "meeting": (
        ["We meet on {x}.", "My appointment is on {x}.", "The party is on {x}.", "I travel on {x}."],
        ["{x}, noted.", "I will remember {x}."],
        ["No, it is on {x}.", "Sorry, on {x}."],
        ["On which day was it?", "Which day did I tell you?", "What day did I say?"],
        ["Which weekday did I mention?"],
        ["On {x}.", "It was {x}."],
    ),
    "list": (
        ["My list: {x}", "Remember this list: {x}", "I need to buy {x}.", "My three words are {x}.", "Keep these in mind: {x}"],
        ["I will remember: {x}.", "Noted: {x}."],
        ["No, the list is: {x}", "Sorry, I meant {x}."],
        ["What was on my list?", "What is on the list?", "Repeat my list.", "Which things did I name?", "What were my three words?"],
        ["Can you give me the list again?"],
        ["{x}.", "Your list: {x}."],
    ),
}
UNKNOWN = {
    "name": ["You have not told me your name yet. What is it?", "I do not know your name. You have not told me."],
    "number": ["You have not told me a number yet."],
    "town": ["You have not told me where you live."],
    "liking": ["You have not told me what you like."],
    "job": ["You have not told me your job yet."],
    "pet": ["You have not told me about a dog yet."],
    "word": ["You have not told me a word yet."],
    "list": ["You have not given me a list yet."],
}


def _value(values: Values, kind: str) -> str:
    rng = values.rng
    if kind == "name":
        return values.full_name() if rng.random() < 0.1 else rng.choice(COMMON) if rng.random() < 0.05 and not values.held_out else values.name()
    if kind in ("pet", "friend"):
        return values.name()
    if kind == "number":
        return values.number(1, 99999)
    if kind == "list":
        return ", ".join(values.words(3))
    if kind in ("town", "word"):
        return values.town() if kind == "town" else values.word()
    return values.one({"liking": LIKINGS, "thing": THINGS, "job": JOBS, "day": MONTHS, "meeting": WEEKDAYS}[kind])


def _told(values: Values, kind: str, x: str) -> list[dict]:
    told, acknowledged = KINDS[kind][0], KINDS[kind][1]
    reply = values.one(acknowledged).format(x=x)
    return [{"role": "user", "content": values.one(told).format(x=x)}, {"role": "assistant", "content": reply[:1].upper() + reply[1:]}]


def recall_dialogue(values: Values, between) -> tuple[list[dict], dict]:
    """Tells one to three things, talks of something else for up to three turns, and asks. `between` gives a turn."""
    rng = values.rng
    kinds = rng.sample(list(KINDS), rng.choice([1, 1, 1, 2, 2, 3]))
    facts: dict[str, str] = {}
    turns: list[dict] = []
    for kind in kinds:
        facts[kind] = _value(values, kind)
        turns += _told(values, kind, facts[kind])
        if rng.random() < 0.15:
            facts[kind] = _value(values, kind)
            turns.append({"role": "user", "content": rng.choice(KINDS[kind][2]).format(x=facts[kind])})
            turns.append({"role": "assistant", "content": f"I see, {facts[kind]}. Thank you for telling me."})
        if rng.random() < 0.3:
            turns += between()
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        turns += between()
    asked = rng.sample(kinds, len(kinds) if rng.random() < 0.5 and not values.held_out else 1)
    for kind in asked:
        questions = KINDS[kind][4] if values.held_out and rng.random() < 0.5 else KINDS[kind][3]
        answer = rng.choice(KINDS[kind][5]).format(x=facts[kind])
        turns.append({"role": "user", "content": rng.choice(questions)})
        turns.append({"role": "assistant", "content": answer[:1].upper() + answer[1:]})
    return turns, {"contains": [facts[asked[-1]]], "ignoreCase": True}


def unknown_dialogue(values: Values, between) -> tuple[list[dict], dict]:
    """Asks for what was never told: the answer is that it was not."""
    kind = values.one(list(UNKNOWN))
    turns = between() if values.rng.random() < 0.4 else []
    turns.append({"role": "user", "content": values.one(KINDS[kind][3])})
    turns.append({"role": "assistant", "content": values.one(UNKNOWN[kind])})
    return turns, {"contains": ["not"]}
