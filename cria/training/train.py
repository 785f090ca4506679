"""Trains Cria; goes on from the newest checkpoint where there is one.

    python3 train.py --data checkpoints/data/train.jsonl --minutes 60
"""

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F

from batches import Batches
from model import Llama, Shape
from tokenizer import Tokenizer


def learning_rate(done: float, top: float) -> float:
    """Rises over the first 2 %, then falls as a cosine to a twentieth."""
    return top * min(1.0, done / 0.02 + 0.01) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def save(path: Path, content: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    partial.replace(path)


def loss_of(model, batch, device):
    tokens, targets, weights, numbers = (torch.from_numpy(part).to(device) for part in batch)
    with torch.autocast(device_type=device, dtype=torch.bfloat16):
        logits = model(tokens, numbers)
    losses = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    weights = weights.flatten()
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def optimiser_of(parameters, rate: float):
    parameters = [one for one in parameters if one.requires_grad]
    groups = [{"params": [one for one in parameters if one.dim() == 2], "weight_decay": 0.1}, {"params": [one for one in parameters if one.dim() < 2], "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, betas=(0.9, 0.98))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=Path("checkpoints/tokenizer.model"))
    parser.add_argument("--folder", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--million-tokens", type=float, default=40, help="the whole budget, over all resumed runs")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; a later run goes on")
    parser.add_argument("--rows", type=int, default=0, help="rows of a batch; 24 on a processor, 128 on an accelerator")
    parser.add_argument("--length", type=int, default=320)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--width", type=int, default=Shape.width)
    options = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = options.rows or (128 if device == "cuda" else 24)
    torch.manual_seed(options.seed)
    tokenizer = Tokenizer(options.tokenizer)
    shape = Shape(vocabulary=len(tokenizer.pieces), layers=options.layers, width=options.width, heads=options.width // 32, feed_forward=options.width * 3)
    model = Llama(shape).to(device)
    optimiser = optimiser_of(model.parameters(), options.rate)
    batches = Batches(options.data, tokenizer, rows, options.length, options.seed)
    steps = int(options.million_tokens * 1e6 / (rows * options.length))
    options.folder.mkdir(parents=True, exist_ok=True)
    newest = options.folder / "newest.pt"
    step = 0
    if newest.exists():
        kept = torch.load(newest, map_location=device)
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        step = kept["step"]
    parameters = sum(one.numel() for one in model.parameters())
    print(f"{parameters / 1e6:.1f} M parameters on {device}, {batches.tokens / 1e6:.1f} M tokens of data, step {step} of {steps}", flush=True)

    def keep() -> None:
        save(newest, {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "shape": asdict(shape)})

    began = told = time.monotonic()
    counted = step
    model.train()
    with (options.folder / "loss.jsonl").open("a", encoding="utf-8") as log:
        while step < steps and time.monotonic() - began < options.minutes * 60:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step / steps, options.rate)
            loss = loss_of(model, batches.batch(step), device)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            if step % 20 == 0 or step == steps:
                now = time.monotonic()
                speed = (step - counted) * rows * options.length / (now - told)
                told, counted = now, step
                entry = {"step": step, "loss": round(loss.item(), 4), "tokensPerSecond": round(speed)}
                log.write(f"{json.dumps(entry)}\n")
                log.flush()
                print(entry, flush=True)
            if step % 500 == 0:
                keep()
    keep()


if __name__ == "__main__":
    main()
