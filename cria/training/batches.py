"""Dialogues as tokens in the Llama-2 format, packed whole into rows of one length."""

import json
import random
from pathlib import Path

import numpy as np

from tokenizer import BEGIN, END, Tokenizer

QUESTION_WEIGHT, ANSWER_WEIGHT = 0.3, 1.0
# The first tokens of an answer tell whether the right one was chosen; the rest mostly follows from them.
DECIDING_WEIGHTS = [5.0, 5.0, 4.0, 3.0]
# Dialogues that follow each other as one conversation: chats grow longer than any dialogue that is written here.
JOINED = 0.4
# A single question with an answer of such a length may end after the answer's beginning, which decides it.
CUT_AFTER, LONGEST_CUT = 8, 80
# Rows that are filled at the same time, each dialogue into the fullest that has room: little of a row stays empty.
OPEN_ROWS = 24


def tokens_of(tokenizer: Tokenizer, messages: list[dict]) -> tuple[list[int], list[float]]:
    """Exactly what the chat template of export.py makes, with the weight of each token in the loss."""
    tokens: list[int] = []
    weights: list[float] = []
    system = ""
    for message in messages:
        content = message["content"].strip()
        if message["role"] == "system":
            system = f"<<SYS>>\n{content}\n<</SYS>>\n\n"
        elif message["role"] == "user":
            part = [BEGIN, *tokenizer.encode(f"[INST] {system}{content} [/INST]")]
            system = ""
            tokens += part
            weights += [0.0] + [QUESTION_WEIGHT] * (len(part) - 1)
        else:
            part = [*tokenizer.encode(f"{content} "), END]
            tokens += part
            weights += [*DECIDING_WEIGHTS[: len(part)], *[ANSWER_WEIGHT] * (len(part) - len(DECIDING_WEIGHTS))]
    return tokens, weights


def beginning(messages: list[dict], weights: list[float]) -> int:
    """How many tokens hold a single question and the beginning of its answer; all of them where it is short, or a story."""
    answer = len(weights) - weights.index(DECIDING_WEIGHTS[0])
    is_single = len(messages) == 2 or (len(messages) == 3 and "begun" in messages[0])
    is_cut = is_single and CUT_AFTER + 4 < answer <= LONGEST_CUT
    return len(weights) - (answer - CUT_AFTER if is_cut else 0)


def can_join(messages: list[dict]) -> bool:
    """A role that was given holds to the end, and "you have not told me" is only true at a beginning."""
    return messages[0]["role"] != "system" and not any("not told me" in one["content"] for one in messages)


class Batches:
    """The same seed gives the same rows in the same order, from any step on."""

    def __init__(self, data: Path, tokenizer: Tokenizer, rows: int, length: int, seed: int, cut: float = 0) -> None:
        """`cut`: the part of single questions whose answer only begins: more of them in as many tokens."""
        rng = random.Random(seed)
        self.dialogues: list[tuple[list[int], list[float]]] = []
        self.joins: list[bool] = []
        for line in data.read_text(encoding="utf-8").splitlines():
            messages = json.loads(line)
            tokens, weights = tokens_of(tokenizer, messages)
            end = beginning(messages, weights) if rng.random() < cut else len(tokens)
            self.dialogues.append((tokens[: min(end, length + 1)], weights[: min(end, length + 1)]))
            # What only begins is never gone on with.
            self.joins.append(end == len(tokens) and can_join(messages))
        self.rows, self.length, self.seed = rows, length, seed
        self.tokens = sum(len(tokens) for tokens, _ in self.dialogues)
        self.packed: list[list[int]] = []
        self.epoch = -1

    def _pack(self, epoch: int) -> None:
        order = list(range(len(self.dialogues)))
        random.Random(f"{self.seed}:{epoch}").shuffle(order)
        self.packed = []
        rows: list[list] = []
        for index in order:
            size = len(self.dialogues[index][0])
            fitting = [row for row in rows if row[0] + size <= self.length + 1]
            if fitting:
                row = max(fitting)
            else:
                if len(rows) == OPEN_ROWS:
                    fullest = max(rows)
                    rows.remove(fullest)
                    self.packed.append(fullest[1])
                row = [0, []]
                rows.append(row)
            row[0] += size
            row[1].append(index)
        self.packed += [row[1] for row in rows]
        self.epoch = epoch

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        if self.epoch < 0:
            self._pack(0)
        in_epoch = max(1, int(self.tokens / (self.length + 1)) // self.rows)
        if step // in_epoch != self.epoch:
            self._pack(step // in_epoch)
        first = (step % in_epoch) * self.rows
        tokens = np.zeros((self.rows, self.length + 1), dtype=np.int64)
        weights = np.zeros((self.rows, self.length + 1), dtype=np.float32)
        numbers = np.full((self.rows, self.length + 1), -1, dtype=np.int64)
        rng = random.Random(f"{self.seed}:{step}")
        for at in range(self.rows):
            used = number = 0
            was_joinable = False
            for index in self.packed[(first + at) % len(self.packed)]:
                row_tokens, row_weights = self.dialogues[index]
                end = used + len(row_tokens)
                number += not (was_joinable and self.joins[index] and rng.random() < JOINED)
                was_joinable = self.joins[index]
                tokens[at, used:end], weights[at, used:end], numbers[at, used:end] = row_tokens, row_weights, number
                used = end
        # A token is foretold from the one before it, so the first of a dialogue counts for nothing.
        return tokens[:, :-1], tokens[:, 1:], weights[:, 1:], numbers[:, :-1]
