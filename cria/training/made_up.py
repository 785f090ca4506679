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
    "Thandiwe Wojciech Ximena Yusuf Zhenya Gwendolyn Dmitri Aaliyah Caoimhe Eszter Rhys Ljubica Chukwuma Anjali Kwame Ingrid "
    "Alice Bob Charlie Daniel Eva Frank Grace Hannah Isaac Jack Karen Liam Maria Nora Oscar Peter Quentin Ruth Simon Thomas Ursula "
    "Victor Wendy Xavier Yvonne Zack Adam Beatrice Carlos Diana Elena Francesca Giovanni Helena Ivan Julia Karl Laura Marco Nina "
    "Oliver Petra Ricardo Sofia Teresa Ulrich Valentina Walter Yolanda Zara Ahmed Aisha Bilal Chidi Chen Deepak Ebele Fumiko Gita "
    "Haruto Imran Jamal Kavita Lakshmi Mehmet Nasrin Omar Padma Rahul Sanjay Takeshi Uma Vikram Wei Xin Yuki Zainab Agnieszka "
    "Bogdan Cezary Dragan Ewa Filip Gosia Jadwiga Kasia Lech Magda Natalia Piotr Stanisław Urszula Zbigniew Andrei Boris Galina "
    "Irina Kirill Lyudmila Mikhail Nadezhda Oleg Pavel Ruslan Tatiana Vladimir Yelena Astrid Birgit Erik Freja Gunnar Helga Jens "
    "Kirsten Lars Magnus Njål Olav Ragnhild Sven Torbjørn Ylva Øyvind Åse Aino Eero Heikki Jukka Kaisa Mikko Päivi Timo Brendan "
    "Cormac Declan Eoin Fionnuala Gráinne Niamh Oisín Padraig Saoirse Tadhg Angharad Bronwen Dafydd Eluned Gethin Llewelyn Myfanwy "
    "Adaeze Amara Babajide Chiamaka Folake Ifeoma Kehinde Nnamdi Olumide Temitope Uchenna Yetunde Abebe Desta Makeda Tesfaye Amina "
    "Wanjiru Otieno Kamau Achieng Sipho Nomvula Lerato Tendai Rudo Bao Duc Hanh Linh Minh Phuong Quynh Thuy Tran Trung Jiho Minseo "
    "Seoyeon Hyejin Kyung Sang Yeong Aiko Daisuke Emi Kenji Mariko Naoki Ryo Sakura Shinji Alejandro Beatriz Consuelo Diego Esperanza "
    "Guadalupe Ignacio Joaquín Lucía Mateo Paloma Rafael Ximena Ana João Luísa Thiago Inês Amélie Benoît Chloé Étienne François Hélène "
    "Jérôme Margaux Océane Thibault Alessandro Bianca Chiara Giulia Lorenzo Matteo Anastasia Dimitrios Eleni Kostas Nikos Penelope "
    "Aylin Burak Cem Emre Elif Gül Selin Arash Darius Golnaz Laleh Parisa Roxana Levon Ani Tigran Nino Giorgi Tamar Kalani Leilani "
    "Makoa Moana Tane Aroha Hemi Ngaio Aputsiaq Nivi Tsering Tenzin Pema Dorji Bat Oyuun Temüjin Maximilian Bartholomew Alexandria"
).split()
# Beginnings and ends of names as many languages have them; joined at random they look right and are still new.
HALVES = [
    ("Olu Ade Ayo Baba Oluwa Ife Temi Fola Kehi Tai Bola Dami Kole Ola", "seun dele bola wale tobi femi kunle deji mide yemi sola shola bisi ronke niyi dayo lola"),
    ("Chi Nne Obi Uche Ngo Chukwu Ife Eme Ada Nna Ike Oge Kele", "oma dinma nna amaka zi ebuka emeka chukwu nwa ora eze azu chi dubem"),
    ("Pri Anj Laksh Raj Vij Subra Dev Hari Krish Nara Aish Man Sara Bhav Shri Jay Gaya Kau Chandra", "yanka ali mi esh ay manian endra ish na yana warya deep swati ya ika shik tri mohan sekhar kant nath"),
    ("Krzy Woj Prze Stani Grze Zbi Bole Małgo Kata Agnie Szcze Jędrz Wła Mści", "sztof ciech mysław sław gorz gniew rzata zyna szka pan ej dysław bor wój mir cja"),
    ("Xiu Zhi Li Wei Qi Jun Ming Hao Xue Yan Zhao Xiao Jing Cheng Shu Guo", "lan yuan qing hua feng ling ping xia zhen yu jie wen dong bo rong xiang"),
    ("Nguy Tr Ph Th Qu Kh Ngh Hu Ng D", "en ung uong uy ynh anh ien yen oc uc oan inh ang iem"),
    ("Ji Min Seo Hye Soo Eun Hyun Jae Dong Kyung Yeon Tae Sung", "woo jin yeon kyung ho hee min seok young ah joon won hwa sook"),
    ("Ka Ha Yu Taka Na Mi Ko Shi Hiro Aki Masa Nobu Ryu Tsu Sa", "ko shi to mi yuki hiko ro ri ka taro nori suke zumi na ya"),
    ("Abd Moh Yus Fat Zay Khal Ibr Nas Ahm Rash Sal Tar Husn Jam Qas", "ullah amed uf ima nab id ahim rin ad iya man iq eddin ila im oud"),
    ("Gwen Llew Rhy Cao Sio Nia Tadh Eil Bron Aer Mor Fion Dair Con Ael", "dolyn elyn dian imhe bhan mh gan idh wen on wyn ghal nuala bre wyn"),
    ("Bjö Ing Thor Sig Gunn Ragn Ås Ulf Hjal Svan Ey Frey Hall Stein", "rn rid sten rún ar hild a gard mar dís vin ja björg grim"),
    ("Alej Guada Xóchi Cuauh Itza Jorg Fern Esper Mig Ximé Cris Ign Sole", "andro lupe tl émoc yana elina ando anza uel na tóbal acio dad"),
    ("Svet Vlad Dmi Yekat Nad Lyud Zhen Mikh Vya Ros Tat Kons Yev", "lana imir tri erina ezhda mila ya ail cheslav tislav iana tantin genia"),
    ("Gio Ales Fran Lu Mat Chi Vin Giu Lore Bea", "vanni sandra cesca ciano teo ara cenzo seppe nzo trice"),
    ("Fried Wolf Kuni Bern Ger Hein Sieg Adel Ulr Diet", "rich gang gunde hard trud helm linde rike fried heid mar"),
    ("Zsó Esz Lász Györ Ist Ferenc Bog Ild Már Csil", "fia ter ló gy ván ke lárka ikó ton la"),
    ("Dimi Kon Pene Aris Theo Elef Nik Ana Xen Pana", "trios stantinos lope toteles dora theria olaos stasia ophon giotis"),
    ("Meh Ay Bur Em Se Gül Oğ Çağ Zey Yıl", "met lin ak re lin şen uz la nep dız"),
    ("Thand Sip Nom Mba Ler Khu Zan Bong Nko Lwa", "iwe ho vula li ato lani ele ani sana zi"),
    ("Ka Lei Mo Ke Pu Hau Ma Nai Alo Wai", "lani ana koa oni lea ani hina lua ke kai"),
    ("Hein Aino Väi Ilm Pek Jor Kai Ter Sei Mar", "rikki mö nö ari ka ma sa hi ja jatta"),
    ("Har El Ash Brook Lind Win Rad Whit Free Chester Marl Bright Ros", "old eanor ton lyn sey ston cliffe ney man field ow on alind"),
]
TOWN_ENDS = "ton ville burg ford stad holm wick mouth field dorf grad pur abad ham by haven mont polis".split()
ANIMALS = "llama fox hen owl mouse horse goat sheep donkey rabbit hedgehog duck goose bear otter badger frog crow snail turtle cat dog camel beaver".split()
PLACES = "the mill,the old bridge,the harbour,the lake,the station,the market,the lighthouse,the garden,the library,the edge of the woods,the well,the railway".split(",")
THINGS = "a blue cup,an old key,a red umbrella,a wooden spoon,a small lamp,a silver button,a paper boat,a green scarf,a tin box,a broken clock,a pair of boots,a glass marble,a torn map,a brass bell,a white feather,a letter,a stone with a hole,a yellow kite".split(",")
JOBS = "baker,gardener,teacher,pilot,carpenter,nurse,librarian,shepherd,painter,cook,tailor,sailor,farmer,violinist,beekeeper,postman,clockmaker,potter,driver,plumber,dentist,poet,miner,weaver".split(",")
LIKINGS = "swimming,chess,old maps,apple pie,jazz,long walks,black tea,knitting,football,crosswords,mountains,painting,cheese,birds,trains,dancing,puzzles,cooking,sailing,poetry,stamps,gardening,cycling,mushrooms,fishing,horses,pottery,the sea,spicy soup,singing".split(",")
FOODS = "pancakes,tomato soup,fried rice,apple pie,noodles,potatoes,bread and cheese,pizza,beans on toast,dumplings,lentil soup,pasta,porridge,fish and chips,a salad,mushroom stew,tacos,curry,an omelette,cherry cake,rice pudding,sandwiches,waffles,pea soup".split(",")
COLOURS = "red blue green yellow purple orange pink brown grey black white turquoise silver golden violet beige".split()
WORDS = (
    "apple river stone cloud window paper candle silver garden bridge winter summer bottle button market feather "
    "ladder mirror needle orange pencil ribbon saddle table thunder velvet wagon yellow zebra anchor basket copper dragon engine "
    "forest ginger hammer island jacket kettle lemon marble nutmeg onion pepper quilt rabbit spoon tiger umbrella violin whistle "
    "bread chair door eagle floor grape house ink jug knife lamp moon nest oven plum queen rope salt tree uncle vase wheel "
    "acorn balloon barrel bell bench berry blanket boat bone book boot branch brick broom brush bucket butter camera carpet carrot "
    "castle cellar chalk cheese cherry clock coat coffee coin comb corn cotton cradle cream crown cup curtain desk diamond dinner "
    "dish drum dust egg elbow envelope farm fence field finger fire flag flame flour flower flute fork fountain frame fruit gate "
    "ghost glass globe glove goat gold grass guitar hat heart hill honey hook horn horse hotel ice jam jar jewel key king kitchen "
    "kite lake leaf leather letter light lock magnet map meadow medal milk mill mint money mountain mouse museum music mustard nail "
    "napkin neck night noise north nose number nurse oak ocean office oil olive owl page paint palace pan parrot path peach pear "
    "pebble pen piano picture pie pillow pipe plate pocket pond poppy post pot potato powder prince puzzle radio rain rice ring "
    "road rock roof root rose sail sand sauce scarf school scissors seed shadow sheep shelf shell ship shirt shoe shop sign silk "
    "snow soap sock sofa song soup star station steam street string sugar sun swan tea teacher tent thread ticket toast tomato "
    "tooth towel tower town toy train tulip tunnel turtle valley village wall water wave wax wind wing wire wolf wood wool zipper"
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
        if kind < 0.2:
            return self.rng.choice(COMMON)
        if kind < 0.26:
            letters = "abcdefghijklmnopqrstuvwxyz" + RARE
            return "".join(self.rng.choice(letters) for _ in range(self.rng.randint(3, 9))).capitalize()
        if kind < 0.62:
            firsts, lasts = self.rng.choice(HALVES)
            # Now and then the end comes from another language, or a piece of a third stands between.
            lasts = self.rng.choice(HALVES)[1] if self.rng.random() < 0.2 else lasts
            text = self.rng.choice(firsts.split()) + self.rng.choice(lasts.split())
        else:
            text = self._syllables(self.rng.choice([1, 2, 2, 2, 3]))
            if self.rng.random() < 0.5:
                text += self.rng.choice(ENDINGS)
        if self.rng.random() < 0.2:
            at = self.rng.randrange(1, len(text))
            text = text[:at] + self.rng.choice(RARE) + text[at + self.rng.randint(0, 1) :]
        text = text[:14].capitalize()
        return text.lower() if self.rng.random() < 0.04 else text

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
