"""Values that are never the same: names, numbers, words and things, from letter patterns of many languages and from bytes."""

import random
import zlib

ONSETS = {
    "plain": "b c d f g h j k l m n p r s t v w y z ch sh th br dr gr tr".split(),
    "slavic": "b br d dr g h k kr l m mi n p pr r s sl st str sv sw szcz t v vl w wl wrz z zd zh kaz przem".split(),
    "yoruba": "a ade ayo bab bola chi ebu fol gb ike ka kol lu mba nga nk nne obi olu oluwa ose se tem tun yem".split(),
    "indian": "a ab adi an bh bhar chand d dev dh g gh h jay k kr la lakshm m mah n nir p pr priy raj r s sh shr sri sub t v vij y".split(),
    "east": "a b ch d f g h hy j k l m min n p q r s sh soo t tr w x xi y yu z zh ng nguy ph th".split(),
    "nordic": "a bj br d f fr g gr h hj i j k l m n r s sk sn st sv t th ul v ing sig thor".split(),
    "latin": "a al b c cr d es f fr g gi gu i j l ll m n o p qu r s sant t v x xoch z".split(),
    "semitic": "a ab ah d dh f g gh h ibr is j k kh l m muh n q r s sh t th w y ya z zah".split(),
    "celtic": "a ae b br c ca ci d dw e f fi g gw ll m n ni o r rh s si t tr w y".split(),
}
VOWELS = "a e i o u a e i o ai au ei ia io ou ya".split()
CODAS = "n r l s m k t d th sh ng nd rt lk nk rn x z v".split() + [""] * 14
ENDINGS = "a e i o u an en in on us is ko ka ya sha lyn mir wen dra eun iah ez ski vić wyn nath yanka seun dóttir zhen".split()
COMMON = (
    "Anna Ben Clara David Emma Felix Greta Henry Ida Jonas Kate Leo Mia Noah Olga Paul Rosa Sam Tina Umar Vera Will Yara Zoe "
    "Priyanka Oluwaseun Siobhan Xiulan Krzysztof Nguyen Aoife Björn Zsófia Mbali Tomasz Fatima Hiroshi Jorge Ngozi Svetlana "
    "Thandiwe Wojciech Ximena Yusuf Zhenya Gwendolyn Dmitri Aaliyah Caoimhe Eszter Rhys Ljubica Chukwuma Anjali Kwame Ingrid"
).split()
TOWN_ENDS = "ton ville burg ford stad holm wick mouth field dorf grad pur abad ham by haven mont polis".split()
ANIMALS = "llama fox hen owl mouse horse goat sheep donkey rabbit hedgehog duck goose bear otter badger frog crow snail turtle cat dog camel beaver".split()
PLACES = "the mill,the old bridge,the harbour,the lake,the station,the market,the lighthouse,the garden,the library,the edge of the woods,the well,the railway".split(",")
THINGS = "a blue cup,an old key,a red umbrella,a wooden spoon,a small lamp,a silver button,a paper boat,a green scarf,a tin box,a broken clock,a pair of boots,a glass marble,a torn map,a brass bell,a white feather,a letter,a stone with a hole,a yellow kite".split(",")
JOBS = "baker,gardener,teacher,pilot,carpenter,nurse,librarian,shepherd,painter,cook,tailor,sailor,farmer,violinist,beekeeper,postman,clockmaker,potter,driver,plumber,dentist,poet,miner,weaver".split(",")
LIKINGS = "swimming,chess,old maps,apple pie,jazz,long walks,black tea,knitting,football,crosswords,mountains,painting,cheese,birds,trains,dancing,puzzles,cooking,sailing,poetry,stamps,gardening,cycling,mushrooms,fishing,horses,pottery,the sea,spicy soup,singing".split(",")
WORDS = (
    "apple river stone cloud window paper candle silver garden bridge winter summer bottle button market feather "
    "ladder mirror needle orange pencil ribbon saddle table thunder velvet wagon yellow zebra anchor basket copper dragon engine "
    "forest ginger hammer island jacket kettle lemon marble nutmeg onion pepper quilt rabbit spoon tiger umbrella violin whistle "
    "bread chair door eagle floor grape house ink jug knife lamp moon nest oven plum queen rope salt tree uncle vase wheel"
).split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
RARE = "qxzjkwvyéüøßłñžğåæ"


def is_held_out(value: str) -> bool:
    """One value in twenty is never trained on; which ones depends on the value alone."""
    return zlib.crc32(value.lower().encode()) % 20 == 0


class Values:
    """Draws values; with `held_out` only those that training never sees, without it only the others."""

    def __init__(self, rng: random.Random, held_out: bool) -> None:
        self.rng = rng
        self.held_out = held_out

    def _draw(self, make) -> str:
        while True:
            value = make()
            if is_held_out(value) == self.held_out:
                return value

    def _syllables(self, count: int) -> str:
        onsets = ONSETS[self.rng.choice(list(ONSETS))]
        parts = [self.rng.choice(onsets) + self.rng.choice(VOWELS) + self.rng.choice(CODAS) for _ in range(count)]
        return "".join(parts)

    def _name(self) -> str:
        kind = self.rng.random()
        if kind < 0.1:
            return self.rng.choice(COMMON)
        if kind < 0.2:
            letters = "abcdefghijklmnopqrstuvwxyz" + RARE
            return "".join(self.rng.choice(letters) for _ in range(self.rng.randint(3, 9))).capitalize()
        text = self._syllables(self.rng.randint(1, 3))
        if self.rng.random() < 0.5:
            text += self.rng.choice(ENDINGS)
        if kind < 0.3:
            at = self.rng.randrange(len(text))
            text = text[:at] + self.rng.choice(RARE) + text[at:]
        return text[:14].capitalize()

    def name(self) -> str:
        return self._draw(self._name)

    def full_name(self) -> str:
        return f"{self.name()} {self.name()}"

    def town(self) -> str:
        return self._draw(lambda: (self._syllables(self.rng.randint(1, 2)) + self.rng.choice(["", *TOWN_ENDS])).capitalize())

    def number(self, low: int = 1, high: int = 9999) -> str:
        digits = self.rng.randint(len(str(low)), len(str(high)))
        return self._draw(lambda: str(self.rng.randint(max(low, 10 ** (digits - 1)), min(high, 10**digits - 1))))

    def made_up_word(self) -> str:
        return self._draw(lambda: self._syllables(2).lower())

    def word(self) -> str:
        if self.rng.random() < 0.35:
            return self.made_up_word()
        return self.rng.choice(WORDS)

    def words(self, count: int) -> list[str]:
        found: list[str] = []
        while len(found) < count:
            word = self.word()
            if word not in found:
                found.append(word)
        return found

    def one(self, options: list[str]) -> str:
        return self.rng.choice(options)

    def template(self) -> dict[str, str]:
        """What the placeholders of the hand-written files stand for in one dialogue."""
        return {
            "name": self.name(), "persona": self.name(), "person": self.name(), "town": self.town(), "word": self.word(),
            "animal": self.one(ANIMALS), "place": self.one(PLACES), "thing": self.one(THINGS), "job": self.one(JOBS),
            "liking": self.one(LIKINGS), "weekday": self.one(WEEKDAYS), "hour": self.one([str(hour) for hour in range(6, 12)]),
        }
