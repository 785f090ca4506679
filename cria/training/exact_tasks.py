"""Small exact tasks: each function returns a question, its answer, and what a checker looks for."""

from made_up import MONTHS, WEEKDAYS, Values, is_held_out

NUMBER_WORDS = "zero one two three four five six seven eight nine ten".split()
OPPOSITES = (
    "big-small hot-cold up-down left-right fast-slow old-new day-night open-closed light-dark long-short high-low wet-dry "
    "happy-sad rich-poor full-empty hard-soft strong-weak early-late near-far thick-thin clean-dirty loud-quiet heavy-light "
    "young-old good-bad true-false in-out wide-narrow sweet-sour deep-shallow first-last buy-sell push-pull give-take "
    "start-stop win-lose love-hate smooth-rough brave-afraid"
).split()

REPEAT = ["Repeat: {x}", "Repeat after me: {x}", "Say: {x}", "Please repeat: {x}", "Say exactly this: {x}", "Repeat the words {x}", "Write this again: {x}", "Copy this: {x}"]
REPEAT_HELD = ["Say this back to me: {x}", "Echo the following: {x}"]
REVERSE = ["Reverse: {x}", "Reverse the order: {x}", "Say these backwards: {x}", "Put {x} in reverse order.", "Reverse this list: {x}", "Turn the order around: {x}"]
REVERSE_HELD = ["List these from last to first: {x}", "Now the other way round: {x}"]
COUNT = ["How many words are there: {x}", "Count the words: {x}", "How many words is this: {x}", "How many words do you see here: {x}", "Count these words for me: {x}"]
COUNT_HELD = ["What is the number of words in: {x}"]
SORT = ["Sort: {x}", "Sort these words: {x}", "Put these in alphabetical order: {x}", "Sort by the alphabet: {x}", "Order alphabetically: {x}"]
SORT_HELD = ["Arrange from A to Z: {x}"]
ADD = ["What is {a} + {b}?", "{a} + {b}", "{a}+{b}=", "What is {a} plus {b}?", "Add {a} and {b}.", "How much is {a} plus {b}?", "{a} plus {b}", "Calculate {a} + {b}", "sum of {a} and {b}"]
ADD_HELD = ["Can you add {a} to {b}?"]
SUBTRACT = ["What is {a} - {b}?", "{a} - {b}", "{a}-{b}=", "What is {a} minus {b}?", "Subtract {b} from {a}.", "How much is {a} minus {b}?", "{a} minus {b}", "Take {b} away from {a}."]
SUBTRACT_HELD = ["If I have {a} and lose {b}, how many are left?"]
OPPOSITE = ["What is the opposite of {x}?", "Opposite of {x}?", "The opposite of {x}", "What is the contrary of {x}?", "Tell me the opposite of {x}."]
OPPOSITE_HELD = ["Which word means the reverse of {x}?"]
AFTER = ["What comes after {x}?", "Which {kind} comes after {x}?", "What {kind} follows {x}?", "What is the {kind} after {x}?", "Next {kind} after {x}?"]
AFTER_HELD = ["If it is {x} now, what is the next {kind}?"]
BEFORE = ["What comes before {x}?", "Which {kind} comes before {x}?", "What is the {kind} before {x}?", "{kind} before {x}?"]
BEFORE_HELD = ["If it is {x} now, which {kind} came just before?"]


def _pick(values: Values, seen: list[str], held: list[str]) -> str:
    """Held-out questions are half of the time in wordings that training never saw."""
    return values.one(held if values.held_out and values.rng.random() < 0.5 else seen)


def _items(values: Values, count: int) -> list[str]:
    return values.words(count) if values.rng.random() < 0.7 else [values.name() for _ in range(count)]


def repeat(values: Values):
    x = " ".join(_items(values, values.rng.randint(1, 6)))
    return _pick(values, REPEAT, REPEAT_HELD).format(x=x), x, {"contains": [x]}


def reverse(values: Values):
    items = _items(values, 3)
    separator = values.one([", ", " ", ", "])
    answer = ", ".join(reversed(items))
    return _pick(values, REVERSE, REVERSE_HELD).format(x=separator.join(items)), answer, {"contains": [answer]}


def count_words(values: Values):
    count = values.rng.randint(1, 10)
    x = " ".join(values.words(count))
    return _pick(values, COUNT, COUNT_HELD).format(x=x), str(count), {"equals": [str(count), f"{count}.", NUMBER_WORDS[count]]}


def sort_words(values: Values):
    words = values.words(3)
    answer = ", ".join(sorted(words))
    return _pick(values, SORT, SORT_HELD).format(x=", ".join(words)), answer, {"contains": [answer]}


def _sum(values: Values) -> tuple[int, int]:
    """Small numbers most of the time; those over ten often enough to be learned."""
    while True:
        high = values.one([5, 10, 10, 20, 20, 20, 50, 100])
        a, b = values.rng.randint(0, high), values.rng.randint(0, high)
        # Below ten there are too few sums to keep some out.
        if max(a, b) < 10 and not values.held_out or is_held_out(f"{a}:{b}") == values.held_out and max(a, b) >= 10:
            return a, b


def add(values: Values):
    a, b = _sum(values)
    return _pick(values, ADD, ADD_HELD).format(a=a, b=b), f"{a} + {b} = {a + b}", {"contains": [str(a + b)]}


def subtract(values: Values):
    a, b = sorted(_sum(values), reverse=True)
    return _pick(values, SUBTRACT, SUBTRACT_HELD).format(a=a, b=b), f"{a} - {b} = {a - b}", {"contains": [f"= {a - b}"]}


def opposite(values: Values):
    x, y = values.one(OPPOSITES).split("-")
    if x not in ("old", "light") and y not in ("old", "light") and values.rng.random() < 0.5:
        x, y = y, x
    return _pick(values, OPPOSITE, OPPOSITE_HELD).format(x=x), y.capitalize() + ".", {"contains": [y], "ignoreCase": True}


def neighbour(values: Values):
    names, kind = values.one([(WEEKDAYS, "day"), (MONTHS, "month")])
    at = values.rng.randrange(len(names))
    is_after = values.rng.random() < 0.6
    answer = names[(at + (1 if is_after else -1)) % len(names)]
    question = _pick(values, AFTER, AFTER_HELD) if is_after else _pick(values, BEFORE, BEFORE_HELD)
    return question.format(x=names[at], kind=kind), f"{answer}.", {"contains": [answer]}


TASKS = [repeat, repeat, reverse, reverse, count_words, sort_words, add, add, subtract, subtract, subtract, opposite, neighbour]
