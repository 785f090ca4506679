"""Questions about the wide world, which Cria cannot answer: it says so. Each function gives a question, an answer, a check."""

from made_up import Values

# What is asked about: (frames, frames held out, things they are asked of). {n} is a made-up name, {t} a made-up town.
WORLD = [
    (["Who invented {x}?", "When was {x} invented?", "who discovered {x}", "How was {x} discovered?", "Who came up with {x}?"],
     ["Which person thought of {x} first?"],
     "the telephone,the wheel,paper,the light bulb,penicillin,electricity,the camera,gunpowder,the bicycle,glass,the zipper,chocolate,the steam engine,radio,the compass,dynamite,the microscope,X-rays,gravity,porcelain".split(",")),
    (["What is the capital of {x}?", "capital of {x}?", "How many people live in {x}?", "Where is {x}?", "Which language is spoken in {x}?", "Tell me about {x}.", "What is the population of {x}?", "How big is {x}?"],
     ["Which city is the capital in {x}?", "What money do they use in {x}?"],
     "France,Brazil,Japan,Kenya,Norway,Mongolia,Peru,Canada,Egypt,India,Australia,Poland,Chile,Vietnam,Portugal,Nigeria,Iceland,Turkey,Cuba,Nepal,{t}".split(",")),
    (["Who is {x}?", "Who was {x}?", "Tell me about {x}.", "When was {x} born?", "What did {x} do?", "Do you know {x}?", "Is {x} still alive?", "Why is {x} famous?"],
     ["What do you know of {x}'s life?", "For what is {x} known?"],
     "Napoleon,Cleopatra,Albert Einstein,Mozart,Shakespeare,Marie Curie,Julius Caesar,Leonardo da Vinci,Isaac Newton,Beethoven,Charles Darwin,Picasso,Gandhi,Galileo,{n} {m},{n} {m},{n} {m},Professor {n},Saint {n},King {n}".split(",")),
    (["Who wrote {x}?", "Who painted {x}?", "What is {x} about?", "Who is the author of {x}?", "Have you read {x}?", "How does {x} end?"],
     ["From whom is {x}?"],
     "Hamlet,the Mona Lisa,Don Quixote,War and Peace,the Odyssey,Faust,Moby Dick,the Bible,Robinson Crusoe,Frankenstein,the Magic Flute,The Book of {n},The Song of {n},{n} and the Sea".split(",")),
    (["How does {x} work?", "Explain {x}.", "What is {x}?", "Explain {x} to me.", "Can you explain {x} in simple words?", "Tell me about {x}.", "Why is {x} important?", "I have to write about {x}."],
     ["I need to understand {x}. Can you help?", "Could you give me a lecture on {x}?"],
     "quantum physics,photosynthesis,a nuclear reactor,inflation,the stock market,evolution,relativity,a black hole,democracy,the immune system,a jet engine,blockchain,the French Revolution,calculus,philosophy,the Roman Empire,a transistor,plate tectonics,DNA,the cold war,cancer,economics,trigonometry,a volcano,the Big Bang,geometry,Buddhism".split(",")),
    (["How far away is {x}?", "How old is {x}?", "How big is {x}?", "How hot is {x}?", "What is {x} made of?", "How heavy is {x}?"],
     ["What is the distance to {x}?"],
     "the moon,the sun,Mars,the earth,Venus,the next star,Jupiter,the Milky Way,a comet".split(",")),
    (["How tall is {x}?", "Where is {x}?", "When was {x} built?", "Who built {x}?", "How old is {x}?"],
     ["In which year was {x} finished?"],
     "the Eiffel Tower,Mount Everest,the Great Wall,the Colosseum,the Statue of Liberty,the Taj Mahal,the tower of {t},the castle of {t},the bridge in {t}".split(",")),
    (["What is the speed of {x}?", "What is the chemical formula of {x}?", "At what temperature does {x} melt?", "What is the density of {x}?", "How is {x} made?"],
     ["What are the physical properties of {x}?"],
     "light,sound,salt,gold,iron,sugar,alcohol,caffeine,glass,steel,plastic,soap,concrete,mercury".split(",")),
    (["How many bones does {x} have?", "How long does {x} live?", "What does {x} eat?", "How fast is {x}?", "Where does {x} live?"],
     ["Which countries is {x} found in?"],
     "a shark,an elephant,a penguin,a snake,a whale,a spider,a crocodile,a kangaroo,an eagle,a dinosaur,a tiger,an octopus".split(",")),
    (["Which {x} should I buy?", "What is the best {x}?", "How much does a {x} cost?", "Can you recommend a {x}?", "Compare the newest {x} models."],
     ["Help me choose a {x}."],
     "car,phone,stock,laptop,camera,bicycle,insurance,television,washing machine,house,watch,hotel".split(",")),
    (["How do I {x}?", "Can you help me {x}?", "Tell me how to {x}.", "I want to {x}.", "What is the best way to {x}?"],
     ["Could you give me advice on how to {x}?"],
     "file my taxes,fix my car,invest my money,sue my neighbour,lose weight,get a visa,build a house,repair a washing machine,write a will,start a company,buy a house,apply for a passport,fly a plane,get a divorce,train for a marathon,repair my roof".split(",")),
    (["When did {x} begin?", "Who won {x}?", "What happened in {x}?", "Why did {x} start?", "When did {x} end?"],
     ["How did {x} come to an end?"],
     "the Second World War,the war of {t},the last world cup,the Olympic games,the year 1789,1969,the ice age,the Renaissance,the battle of {t},the year 1492".split(",")),
    (["What does the word {w} mean?", "What is the meaning of {w}?", "Define {w}.", "What is a {w}?", "Do you know the word {w}?"],
     ["Give me a definition of {w}."], ["{w}"]),
]
ANSWERS = [
    "I do not know that. I am a very small model; a bigger one can tell you. `npx corral pull` gets one.",
    "That I do not know. I know Corral and small talk, and little else.",
    "I am too small for that and would only guess, so I say: I do not know.",
    "I do not know. My knowledge is Corral and small talk; please ask a bigger model.",
    "Sorry, I do not know. I never learned about that.",
]
# Sums that are too long for Cria: it says that it may be wrong rather than guess.
LONG_SUMS = ["What is {a} times {b}?", "{a} * {b}", "{a} x {b}", "Multiply {a} by {b}.", "What is {a} divided by {b}?", "{a} / {b}", "What is the square root of {a}?", "What is {b} percent of {a}?", "What is {a} + {b}{b}?", "Solve {b}x + {a} = 0.", "What is {a}{b} - {a}?", "{a} to the power of {b}", "How much is {a} times {b}?", "Calculate {a} * {b}."]
LONG_SUMS_HELD = ["Can you work out {a} times {b}?", "I need the product of {a} and {b}."]
LONG_SUM_ANSWERS = ["I do not know: that sum is too hard for me. I can add and subtract small numbers only.", "I do not know. I only add and subtract small numbers; please use a calculator."]


def world(values: Values):
    frames, held, things = values.one(WORLD)
    frame = values.one(held if values.held_out else frames)
    slots = {"n": values.name(), "m": values.name(), "t": values.town(), "w": values.made_up_word()}
    thing = values.one(things).format(**slots)
    return frame.format(x=thing, **slots), values.one(ANSWERS), {"contains": ["not know"], "ignoreCase": True}


def long_sum(values: Values):
    frame = values.one(LONG_SUMS_HELD if values.held_out else LONG_SUMS)
    question = frame.format(a=values.rng.randint(101, 9999), b=values.rng.randint(3, 99))
    return question, values.one(LONG_SUM_ANSWERS), {"contains": ["not know"], "ignoreCase": True}
