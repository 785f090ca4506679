"""Scores a checkpoint on the held-out dialogues, greedily; the figures of the card come from `npm run bench -- cria`.

    python3 evaluate.py --checkpoint checkpoints/base/newest.pt --each 50
"""

import argparse
import json
import re
from pathlib import Path

import torch

from batches import tokens_of
from dialogue_files import DATA
from model import Llama, Shape
from tokenizer import END, Tokenizer


def holds(check: dict, answer: str, has_ended: bool) -> bool:
    answer = answer.strip()
    shown = answer.lower() if check.get("ignoreCase") else answer
    wanted = [one.lower() if check.get("ignoreCase") else one for one in check.get("contains", [])]

    def contains(text: str) -> bool:
        """Digits and letters next to it make it another word; where the text itself ends in a sign, anything may follow."""
        before = r"(?<!\w)" if text[:1].isalnum() else ""
        after = r"(?!\w)" if text[-1:].isdigit() else ""
        return re.search(before + re.escape(text) + after, shown) is not None

    if wanted and not any(contains(text) for text in wanted):
        return False
    if "equals" in check and answer.lower() not in [one.lower() for one in check["equals"]]:
        return False
    if "matches" in check and not re.search(check["matches"], answer):
        return False
    if "maximumWords" in check and len(answer.split()) > check["maximumWords"]:
        return False
    return not check.get("ends") or has_ended and is_clean(answer)


def is_clean(answer: str) -> bool:
    sentences = [one for one in re.split(r"(?<=[.!?])\s+", answer) if one]
    loops = any(sentences[at] == sentences[at + 1] == sentences[at + 2] for at in range(len(sentences) - 2))
    return answer != "" and not loops and not re.search(r"\[/?INST\]|<</?SYS>>|</?s>", answer)


@torch.no_grad()
def answer_to(model: Llama, tokenizer: Tokenizer, messages: list[dict], most: int) -> tuple[str, bool]:
    tokens, _ = tokens_of(tokenizer, messages)
    start = len(tokens)
    while len(tokens) - start < most:
        row = torch.tensor([tokens])
        token = int(model(row, torch.zeros_like(row))[0, -1].argmax())
        if token == END:
            return tokenizer.decode(tokens[start:]), True
        tokens.append(token)
    return tokenizer.decode(tokens[start:]), False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=Path("checkpoints/tokenizer.model"))
    parser.add_argument("--each", type=int, default=10_000, help="so many dialogues of each kind")
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--show", action="store_true", help="print what failed")
    options = parser.parse_args()
    kept = torch.load(options.checkpoint, map_location="cpu")
    model = Llama(Shape(**kept["shape"]))
    model.load_state_dict(kept["model"])
    model.eval()
    tokenizer = Tokenizer(options.tokenizer)
    for path in sorted((DATA / "held-out").glob("*.jsonl")):
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][: options.each]
        right = clean = 0
        for entry in entries:
            answer, has_ended = answer_to(model, tokenizer, entry["messages"], options.tokens)
            good = holds(entry["check"], answer, has_ended)
            right += good
            clean += has_ended and is_clean(answer)
            if options.show and not good:
                print(json.dumps({"id": entry["id"], "asked": entry["messages"][-1]["content"], "answer": answer, "check": entry["check"]}, ensure_ascii=False))
        print(f"{path.stem}: {right} of {len(entries)} right ({right / len(entries):.0%}), {clean / len(entries):.0%} end their turn cleanly", flush=True)


if __name__ == "__main__":
    main()
