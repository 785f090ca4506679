"""Stories and descriptions, asked for in general or by what they are about."""

from dialogue_files import fill, read_tales
from made_up import Values

STORY_ABOUT = [
    "Tell me a story about {x}.", "A story about {x}, please.", "Write a short story about {x}.", "I would like a story about {x}.", "Can you tell a story about {x}?",
    "story about {x}", "Tell a tale about {x}.", "Make up a story about {x}.", "Do you know a story about {x}?", "Write about {x}.", "Please tell me something about {x}, as a story.",
    "A short tale of {x}", "Tell me about {x} in a story.", "Invent a story with {x}.", "Once upon a time there was {x}. Go on.",
]
STORY = [
    "Tell me a story.", "Tell me a short story.", "A story please", "I would like a story.", "Can you tell a story?", "story time", "Once upon a time...", "Tell me something long.",
    "Write a story.", "Read me something.", "Another story please.", "Tell me a quiet story", "A bedtime story please.", "Do you know a story?", "Make up a story.", "I want to hear a tale.",
    "Tell me a tale", "Write a little story for me.", "Any story", "Entertain me with a story.", "Tell me a nice story.", "A story for my child, please.", "I am in the mood for a story.",
]
DESCRIBE = [
    "Describe {x}.", "What is {x} like?", "What does {x} look like?", "Describe {x} to me.", "Can you describe {x}?", "Write a description of {x}.", "Paint me a picture of {x} in words.",
    "describe {x}", "Tell me what {x} is like.", "A description of {x}, please.", "How would you describe {x}?", "Write a few sentences about {x}.", "Imagine {x} and describe it.", "Write something about {x}.",
]


def tale_turn(values: Values, tales=read_tales()) -> list[dict]:
    is_story, subjects, text = values.one(tales)
    filling = {**values.template(), "friend": values.name()}
    if is_story:
        frames = STORY if values.rng.random() < 0.35 else STORY_ABOUT
    else:
        frames = DESCRIBE
    question = values.one(frames).format(x=values.one(subjects))
    if is_story and values.rng.random() < 0.15:
        question = values.one(["Tell me a story about {n}.", "A story with {n} in it, please.", "Write a story. The hero is called {n}.", "Tell me about somebody called {n}."]).format(n=filling["name"])
    text = fill(text, filling)
    return [{"role": "user", "content": question}, {"role": "assistant", "content": text[:1].upper() + text[1:]}]
