"""Trains a LLaMA-style SentencePiece model (byte-pair merges, byte fallback) and encodes with it; numpy only.

    python3 tokenizer.py --data checkpoints/data/train.jsonl --pieces 4096 --out checkpoints/tokenizer.model
"""

import argparse
import heapq
import json
import re
import struct
from collections import Counter, defaultdict
from pathlib import Path

SPACE = "\u2581"
UNKNOWN, BEGIN, END = 0, 1, 2
NORMAL, UNKNOWN_TYPE, CONTROL, BYTE = 1, 2, 3, 6
# A piece never reaches over a space; digits stand alone, so that numbers can be copied and computed.
WORD = re.compile(f"{SPACE}?[^{SPACE}\\n0-9]+|{SPACE}?[0-9]|{SPACE}+(?={SPACE}[^{SPACE}])|{SPACE}+|\\n")


def words_of(text: str) -> list[str]:
    return WORD.findall(SPACE + text.replace(" ", SPACE))


def train(texts, wanted: int) -> list[tuple[str, float, int]]:
    counts = Counter(word for text in texts for word in words_of(text))
    characters = Counter()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
    alphabet = [character for character, count in characters.most_common() if count >= 20]
    merges_wanted = wanted - 3 - 256 - len(alphabet)
    known = set(alphabet)
    words = [([*word], count) for word, count in counts.items() if all(one in known for one in word)]
    merges = learn_merges(words, merges_wanted)
    pieces = [("<unk>", 0.0, UNKNOWN_TYPE), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    pieces += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    pieces += [(piece, -float(rank), NORMAL) for rank, piece in enumerate(merges)]
    return pieces + [(piece, -float(len(merges) + rank), NORMAL) for rank, piece in enumerate(alphabet)]


def learn_merges(words: list[tuple[list[str], int]], wanted: int) -> list[str]:
    pairs: Counter = Counter()
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for index, (symbols, count) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += count
            where[pair].add(index)
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    merges: list[str] = []
    found: set[str] = set()
    while queue and len(merges) < wanted:
        count, pair = heapq.heappop(queue)
        if pairs[pair] != -count:
            if pairs[pair] > 0:
                heapq.heappush(queue, (-pairs[pair], pair))
            continue
        if count > -3:
            break
        merged = pair[0] + pair[1]
        # Two pairs may make the same piece; the second only repeats the merge.
        if merged not in found:
            merges.append(merged)
            found.add(merged)
        changed: set[tuple[str, str]] = set()
        for index in where.pop(pair, ()):
            symbols, weight = words[index]
            for old in zip(symbols, symbols[1:]):
                pairs[old] -= weight
                changed.add(old)
            joined: list[str] = []
            for symbol in symbols:
                if joined and joined[-1] == pair[0] and symbol == pair[1]:
                    joined[-1] = merged
                else:
                    joined.append(symbol)
            symbols[:] = joined
            for new in zip(joined, joined[1:]):
                pairs[new] += weight
                where[new].add(index)
                changed.add(new)
        for one in changed:
            if pairs[one] > 0:
                heapq.heappush(queue, (-pairs[one], one))
    return merges


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes([*out, value])


def block(field: int, content: bytes) -> bytes:
    return varint(field * 8 + 2) + varint(len(content)) + content


def write_model(path: Path, pieces: list[tuple[str, float, int]]) -> None:
    out = bytearray()
    for piece, score, kind in pieces:
        entry = block(1, piece.encode()) + b"\x15" + struct.pack("<f", score)
        out += block(1, entry + (b"" if kind == NORMAL else varint(3 * 8) + varint(kind)))
    # trainer: model_type = BPE, vocab_size, byte_fallback; normalizer: identity, dummy prefix, spaces kept
    out += block(2, varint(24) + varint(2) + varint(32) + varint(len(pieces)) + varint(35 * 8) + varint(1))
    out += block(3, block(1, b"identity") + varint(24) + varint(1) + varint(32) + varint(0))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(out))


def fields(data: bytes):
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = number()
        if tag % 8 == 0:
            yield tag // 8, number()
        elif tag % 8 == 5:
            at += 4
            yield tag // 8, data[at - 4 : at]
        else:
            length = number()
            at += length
            yield tag // 8, data[at - length : at]


class Tokenizer:
    def __init__(self, path: Path) -> None:
        self.pieces: list[str] = []
        self.ids: dict[str, int] = {}
        self.scores: dict[str, float] = {}
        self._cache: dict[str, list[int]] = {}
        for field, value in fields(path.read_bytes()):
            if field != 1:
                continue
            entry = dict(fields(value))
            piece = entry[1].decode()
            if entry.get(3, NORMAL) == NORMAL:
                self.ids[piece] = len(self.pieces)
                self.scores[piece] = struct.unpack("<f", entry[2])[0]
            self.pieces.append(piece)

    def encode(self, text: str) -> list[int]:
        """As llama.cpp does it: a space in front, and the best merge first. Without begin and end."""
        return [token for word in words_of(text) for token in self._word(word)]

    def _word(self, word: str) -> list[int]:
        if word in self._cache:
            return self._cache[word]
        symbols = list(word)
        while len(symbols) > 1:
            best = max(range(len(symbols) - 1), key=lambda at: (self.scores.get(symbols[at] + symbols[at + 1], -1e30), -at))
            if symbols[best] + symbols[best + 1] not in self.scores:
                break
            symbols[best : best + 2] = [symbols[best] + symbols[best + 1]]
        tokens: list[int] = []
        for symbol in symbols:
            tokens += [self.ids[symbol]] if symbol in self.ids else [3 + byte for byte in symbol.encode()]
        if len(self._cache) < 500_000:
            self._cache[word] = tokens
        return tokens

    def decode(self, tokens: list[int]) -> str:
        out = bytearray()
        for token in tokens:
            if token >= 259:
                out += self.pieces[token].encode()
            elif token >= 3:
                out.append(token - 3)
        return out.decode("utf-8", "replace").replace(SPACE, " ").removeprefix(" ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=4096)
    parser.add_argument("--dialogues", type=int, default=20_000, help="how many of the dialogues are looked at")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lines = options.data.read_text(encoding="utf-8").splitlines()[: options.dialogues]
    texts = [message["content"] for line in lines for message in json.loads(line)]
    texts += ["[INST] [/INST]", "<<SYS>>\n<</SYS>>"] * 200
    pieces = train(texts, options.pieces)
    write_model(options.out, pieces)
    tokenizer = Tokenizer(options.out)
    sample = texts[:2000]
    tokens = sum(len(tokenizer.encode(text)) for text in sample)
    wrong = [text for text in sample if tokenizer.decode(tokenizer.encode(text)) != text]
    print(f"{len(pieces)} pieces, {sum(map(len, sample)) / tokens:.2f} characters a token, {len(wrong)} of {len(sample)} not given back {wrong[:2]}")


if __name__ == "__main__":
    main()
