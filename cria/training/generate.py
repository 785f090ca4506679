"""Writes the training dialogues and, with --held-out, the held-out ones. The same seed gives the same bytes.

    python3 generate.py --dialogues 60000 --out checkpoints/data/train.jsonl
    python3 generate.py --held-out ../data/held-out
"""

import argparse
import json
from pathlib import Path

from dialogues import Generator
from held_out import HeldOut


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogues", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--held-out", type=Path)
    options = parser.parse_args()
    if options.held_out:
        HeldOut(options.seed + 1).write(options.held_out)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        generator = Generator(options.seed, held_out=False)
        seen: set[str] = set()
        characters = 0
        with options.out.open("w", encoding="utf-8") as file:
            for _ in range(options.dialogues):
                messages = generator.dialogue()
                line = json.dumps(messages, ensure_ascii=False)
                if line in seen:
                    continue
                seen.add(line)
                characters += sum(len(message["content"]) for message in messages)
                file.write(f"{line}\n")
        print(f"{len(seen)} distinct dialogues, {characters / 1e6:.1f} million characters")


if __name__ == "__main__":
    main()
