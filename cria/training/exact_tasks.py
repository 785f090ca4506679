"""Small exact tasks: each function returns a question, its answer, and what a checker looks for."""

from dialogue_files import DATA
from made_up import ANIMALS, MONTHS, PLACES, THINGS, WEEKDAYS, WORDS, Values, is_held_out
from patterns import worded
from wordings import pattern_of

UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = "first second third fourth".split()
OPPOSITES = (
    "big-small hot-cold up-down left-right fast-slow old-new day-night open-closed light-dark long-short high-low wet-dry "
    "happy-sad rich-poor full-empty hard-soft strong-weak early-late near-far thick-thin clean-dirty loud-quiet heavy-light "
    "young-old good-bad true-false in-out wide-narrow sweet-sour deep-shallow first-last buy-sell push-pull give-take "
    "start-stop win-lose love-hate smooth-rough brave-afraid begin-end black-white summer-winter north-south east-west yes-no "
    "inside-outside above-below before-after always-never more-less many-few easy-difficult cheap-expensive awake-asleep "
    "alive-dead top-bottom front-back enter-leave arrive-depart remember-forget find-lose laugh-cry sit-stand friend-enemy "
    "question-answer success-failure beautiful-ugly kind-cruel calm-nervous safe-dangerous simple-complicated straight-crooked "
    "sharp-blunt tight-loose visible-invisible possible-impossible polite-rude lazy-busy hungry-full warm-cool gain-loss "
    "increase-decrease accept-refuse borrow-lend teach-learn everything-nothing everybody-nobody together-alone same-different "
    "war-peace heaven-hell city-country north-south king-queen man-woman boy-girl right-wrong"
).split()
SHORT_WORDS = (
    "cat dog sun map box cup hat pen bed cow fox hen jar key log mud net owl pie rat sea tea van wax zoo ant bee car day egg fan gum "
    "ink jam kit lid man nut oak pan red sky toy urn web yak arm bus cap den ear fig gas hay ice jet lap mop bird book cake door fish "
    "goat hand iron lamp milk nest open park rain salt tree wind star moon snow lake road ship tent wolf frog gold leaf ring rope"
).split()
# What is spelled in training is also longer than what is asked.
LONGER_WORDS = [word for word in WORDS if 4 <= len(word) <= 7]


def read_wordings() -> dict[str, dict[str, list[str]]]:
    tasks: dict[str, dict[str, list[str]]] = {}
    for line in (DATA / "exact.txt").read_text(encoding="utf-8").splitlines():
        key, _, rest = line.partition(" ")
        if key == "@":
            lines = tasks.setdefault(rest.strip(), {})
        elif key in ("Q", "H"):
            lines[key] = rest.split(" | ")
    return tasks


WORDINGS = read_wordings()


def asked(values: Values, task: str, **slots) -> str:
    """Held-out questions are most of the time in wordings that training never saw."""
    if values.held_out:
        return values.one(WORDINGS[task]["H" if values.rng.random() < 0.6 else "Q"]).format(**slots)
    return worded(task, WORDINGS[task]["Q"], values.rng).format(**slots)


def spoken(number: int) -> str:
    if number <= 20:
        return UNITS[number]
    if number == 100:
        return "a hundred"
    tens, unit = divmod(number, 10)
    return TENS[tens - 2] + (f"-{UNITS[unit]}" if unit else "")


def items_of(values: Values, count: int) -> list[str]:
    return values.words(count) if values.rng.random() < 0.7 else [values.name() for _ in range(count)]


def ordered(items: list[str]) -> dict:
    return {"matches": r"[\s\S]*".join(pattern_of(one) for one in items)}


def repeat(values: Values):
    x = " ".join(items_of(values, values.rng.randint(1, 6)))
    return asked(values, "repeat", x=x), x, {"contains": [x]}


SENTENCES = [
    "The {a} is under the {b}.", "{n} lost {t} at {p}.", "My {a} likes {w}.", "There are {k} {a}s in the {b}.", "{n} and {m} live in {c}.", "Please bring {t} to {n}.",
    "It is {d} and I have {t}.", "Where is {n}?", "A {f} came to {p}.", "I do not like {w}!", "{n} said: hello.", "The {f} sleeps near {p}.", "On {d} we go to {c}.", "Do not forget the {a}.",
    "{k} {f}s walked to {c}.", "Nobody knows {n}.", "I will be back on {d}.", "The answer is {k}.",
]


def quote(values: Values):
    a, b = values.words(2)
    x = values.one(SENTENCES).format(
        a=a, b=b, w=values.word(), n=values.name(), m=values.name(), t=values.one(THINGS), p=values.one(PLACES), c=values.town(),
        d=values.one(WEEKDAYS), f=values.one(ANIMALS), k=values.rng.randint(2, 99),
    )
    x = x[:1].upper() + x[1:]
    return asked(values, "quote", x=x), x, {"contains": [x]}


def reverse(values: Values):
    items = items_of(values, values.one([2, 3, 3, 3, 4]))
    separator = values.one([", ", " ", ", "])
    answer = list(reversed(items))
    return asked(values, "reverse", x=separator.join(items)), ", ".join(answer), ordered(answer)


def count_words(values: Values):
    count = values.rng.randint(1, 10)
    x = " ".join(values.words(count))
    return asked(values, "count", x=x), str(count), {"equals": [str(count), f"{count}.", UNITS[count], f"{UNITS[count]}."]}


def count_items(values: Values):
    count = values.rng.randint(2, 8)
    return asked(values, "items", x=", ".join(values.words(count))), str(count), {"equals": [str(count), f"{count}.", UNITS[count], f"{UNITS[count]}."]}


def sort_words(values: Values):
    words = values.words(values.one([2, 3, 3, 3, 4]))
    answer = sorted(words)
    return asked(values, "sort", x=", ".join(words)), ", ".join(answer), ordered(answer)


def sort_numbers(values: Values):
    numbers = values.rng.sample(range(1, values.one([10, 20, 50, 100])), 3)
    answer = [str(one) for one in sorted(numbers)]
    return asked(values, "sortnumbers", x=", ".join(map(str, numbers))), ", ".join(answer), {"matches": rf"\b{answer[0]}\b[\s\S]*\b{answer[1]}\b[\s\S]*\b{answer[2]}\b"}


def pair(values: Values, sign: str) -> tuple[int, int]:
    """Small numbers most of the time. The larger comes first in subtractions, before it is asked what is held out."""
    while True:
        high = values.one([5, 10, 10, 10, 20, 20, 20, 20, 30, 50, 100])
        a, b = values.rng.randint(0, high), values.rng.randint(0, high)
        a, b = (max(a, b), min(a, b)) if sign == "-" else (a, b)
        # Below ten there are too few sums to keep some out.
        is_new = max(a, b) >= 10 and is_held_out(f"{a}{sign}{b}")
        if values.held_out and is_new or not values.held_out and not is_new and (max(a, b) < 10 or not gives_away(a, b, sign)):
            return a, b


def steps_of(a: int, b: int, sign: int) -> list[tuple[int, list[int]]]:
    """How it is worked out in small steps: tens first, then over the ten. Each step is a number and what is added to it."""
    tens, units = b - b % 10, b % 10
    parts = [part for part in (tens, units) if part] or [0]
    steps = [(a, parts)]
    if tens and units:
        a += sign * tens
        steps.append((a, [units]))
    to_ten = (10 - a % 10 if sign > 0 else a % 10) % 10
    if 0 < to_ten < units:
        steps.append((a, [to_ten, units - to_ten]))
        steps.append((a + sign * to_ten, [units - to_ten]))
    return steps


def worked_out(a: int, b: int, sign: str) -> str:
    """`23 - 9 = 23 - 3 - 6 = 20 - 6 = 14`: small steps are within reach of a small model, the whole often is not."""
    steps = [f"{number} {sign} {f' {sign} '.join(map(str, parts))}" for number, parts in steps_of(a, b, 1 if sign == "+" else -1)]
    result = a + b if sign == "+" else a - b
    return " = ".join(dict.fromkeys([f"{a} {sign} {b}", *steps, str(result)]))


def gives_away(a: int, b: int, sign: str) -> bool:
    """Whether one of the steps is a sum that is held out."""
    for number, parts in steps_of(a, b, 1 if sign == "+" else -1):
        for part in parts:
            if max(number, part) >= 10 and is_held_out(f"{number}{sign}{part}"):
                return True
            number += part if sign == "+" else -part
    return False


def put(values: Values, number: int) -> str:
    """Spelled out now and then."""
    return spoken(number) if values.rng.random() < 0.15 else str(number)


def add(values: Values):
    a, b = pair(values, "+")
    return asked(values, "add", a=put(values, a), b=put(values, b)), worked_out(a, b, "+"), {"matches": rf"(?<!\d){a + b}\.?$"}


def subtract(values: Values):
    a, b = pair(values, "-")
    return asked(values, "subtract", a=put(values, a), b=put(values, b)), worked_out(a, b, "-"), {"matches": rf"(?<![\d-]){a - b}\.?$"}


def opposite(values: Values):
    x, y = values.one(OPPOSITES).split("-")
    if x not in ("old", "light", "full", "lose", "right") and y not in ("old", "light", "full", "lose", "right") and values.rng.random() < 0.5:
        x, y = y, x
    return asked(values, "opposite", x=x), y.capitalize() + ".", {"contains": [y], "ignoreCase": True}


def neighbour(values: Values):
    names, kind = values.one([(WEEKDAYS, "day"), (MONTHS, "month")])
    at = values.rng.randrange(len(names))
    is_after = values.rng.random() < 0.55
    answer = names[(at + (1 if is_after else -1)) % len(names)]
    return asked(values, "after" if is_after else "before", x=names[at], kind=kind), f"{answer}.", {"contains": [answer]}


def day_away(values: Values):
    task, step = values.one([("tomorrow", 1), ("yesterday", -1), ("twoafter", 2)])
    at = values.rng.randrange(7)
    answer = WEEKDAYS[(at + step) % 7]
    return asked(values, task, x=WEEKDAYS[at]), f"{answer}.", {"contains": [answer]}


def place_in_list(values: Values):
    items = items_of(values, values.one([3, 3, 4]))
    at = values.rng.randrange(len(items))
    task = {0: "first", len(items) - 1: "last"}.get(at, "nth")
    return asked(values, task, x=", ".join(items), n=ORDINALS[at]), f"{items[at]}", {"contains": [items[at]]}


def extreme(values: Values):
    numbers = values.rng.sample(range(1, values.one([10, 20, 100, 1000])), values.one([2, 3, 3]))
    task, pick = values.one([("largest", max), ("smallest", min)])
    answer = str(pick(numbers))
    return asked(values, task, x=", ".join(map(str, numbers))), answer, {"matches": rf"^\D*{answer}\D*$"}


def bigger(values: Values):
    a, b = values.rng.sample(range(0, values.one([10, 20, 100])), 2)
    answer = "Yes." if a > b else "No."
    return asked(values, "bigger", a=a, b=b), answer, {"matches": f"^{answer[:-1]}\\b"}


def count_on(values: Values):
    task, step = values.one([("nextnumber", 1), ("nextnumber", 1), ("previousnumber", -1), ("double", 0)])
    a = values.rng.randint(1, 10 if step == 0 else values.one([10, 30, 100]))
    answer = str(a + step if step else 2 * a)
    return asked(values, task, a=a), answer, {"equals": [answer, f"{answer}."]}


def counting(values: Values):
    a = values.rng.randint(1, 15)
    b = a + values.rng.randint(2, 9)
    numbers = [str(one) for one in range(a, b + 1)]
    is_down = values.rng.random() < 0.3
    answer = ", ".join(reversed(numbers) if is_down else numbers)
    return asked(values, "countdown" if is_down else "countto", a=a, b=b), answer, {"contains": [answer]}


def letters(values: Values):
    draw = 0 if values.held_out else values.rng.random()
    # Made-up words as well: so it learns of which letters each piece of its vocabulary is made.
    word = values.one(SHORT_WORDS) if draw < 0.5 else values.one(LONGER_WORDS) if draw < 0.75 else values.made_up_word()
    task, answer = values.one([("spell", "-".join(word)), ("letters", word[::-1]), ("letters", word[::-1]), ("firstletter", word[0]), ("lastletter", word[-1])])
    return asked(values, task, x=word), answer, {"equals": [answer, f"{answer}."]}


def capitals(values: Values):
    draw = values.rng.random()
    x = values.word() if draw < 0.6 else " ".join(values.words(2)) if draw < 0.8 or values.held_out else values.name()
    return asked(values, "capitals", x=x), x.upper(), {"contains": [x.upper()]}


def edited(values: Values):
    items = values.words(values.one([3, 3, 4]))
    at = values.rng.randrange(len(items))
    x = ", ".join(items)
    kind = values.one(["join", "without", "without", "replace", "replace"])
    if kind == "join":
        return asked(values, kind, x=x), " + ".join(items), {"contains": [" + ".join(items)]}
    new = next(word for word in values.words(6) if word not in items)
    left = [one for index, one in enumerate(items) if index != at] if kind == "without" else [new if index == at else one for index, one in enumerate(items)]
    return asked(values, kind, x=x, a=items[at], b=new), ", ".join(left), {"contains": [", ".join(left)]}


def is_in(values: Values):
    items = values.words(4)
    x, other = items[:3], items[3]
    sought, answer = values.one([(values.one(x), "Yes."), (other, "No.")])
    return asked(values, "isin", a=sought, x=", ".join(x)), answer, {"matches": f"^{answer[:-1]}\\b"}


TASKS = [
    repeat, repeat, quote, reverse, reverse, reverse, count_words, count_words, count_items, sort_words, sort_words, sort_numbers, add, add, add,
    subtract, subtract, subtract, subtract, opposite, opposite, neighbour, neighbour, day_away, place_in_list, extreme, bigger, count_on, counting, letters, capitals, edited, is_in,
]
# What is learned late is practised more than it is asked.
PRACTICE = [
    *TASKS, subtract, subtract, subtract, subtract, add, add, add, sort_words, sort_words, reverse, sort_numbers, extreme, extreme, bigger, bigger, count_on, letters, letters, capitals, capitals, capitals, edited, edited, edited, is_in, is_in,
    sort_words, sort_words, sort_numbers, sort_numbers, sort_numbers, extreme, extreme, capitals, capitals, count_words, count_words, count_items, edited, bigger,
    subtract, subtract, subtract, is_in, is_in, is_in, count_words, count_items, neighbour, bigger, add,
    count_words, count_words, count_words, capitals, capitals, letters, letters, is_in, is_in, neighbour, neighbour, sort_words, sort_words,
]
