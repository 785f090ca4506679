"""Trains Cria; goes on from the newest checkpoint where there is one.

    python3 train.py --data checkpoints/data/train.jsonl --minutes 60
"""

import argparse
import json
import signal
import time
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F

from batches import Batches
from model import Llama, Shape
from muon import Muon
from tokenizer import Tokenizer
from weights import read_safetensors


def learning_rate(step: int, steps: int, top: float, decay: float) -> float:
    """Rises over 100 steps, stays, and falls in a line over the last part: until then the budget may still change."""
    return top * min(1.0, (step + 1) / 100, max(0.0, (steps - step) / (steps * decay)))


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


def optimisers_of(model, rate: float) -> list[torch.optim.Optimizer]:
    named = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    is_matrix = {name: one.dim() == 2 and "embed" not in name for name, one in named}
    return [
        Muon([one for name, one in named if is_matrix[name]], lr=rate),
        torch.optim.AdamW([one for name, one in named if not is_matrix[name]], lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=Path("checkpoints/tokenizer.model"))
    parser.add_argument("--folder", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--begin", type=Path, help="model.safetensors to begin with where there is no checkpoint, with its tokenizer")
    parser.add_argument("--million-tokens", type=float, default=40, help="the whole budget, over all resumed runs")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; a later run goes on")
    parser.add_argument("--rows", type=int, default=0, help="rows of a batch; 16 on a processor, 128 on an accelerator")
    parser.add_argument("--length", type=int, default=320)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--decay", type=float, default=0.25, help="the part of the budget over which the learning rate falls")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--width", type=int, default=Shape.width)
    parser.add_argument("--cut", type=float, default=0.75, help="the part of single questions whose long answer is cut short")
    parser.add_argument("--dropout", type=float, default=0.0, help="the part of what each layer adds that is left out at random")
    options = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = options.rows or (128 if device == "cuda" else 16)
    torch.manual_seed(options.seed)
    tokenizer = Tokenizer(options.tokenizer)
    shape = Shape(vocabulary=len(tokenizer.pieces), layers=options.layers, width=options.width, heads=options.width // 32, feed_forward=options.width * 11 // 4, dropout=options.dropout)
    model = Llama(shape).to(device)
    optimisers = optimisers_of(model, options.rate)
    batches = Batches(options.data, tokenizer, rows, options.length, options.seed, options.cut)
    steps = int(options.million_tokens * 1e6 / (rows * options.length))
    options.folder.mkdir(parents=True, exist_ok=True)
    newest = options.folder / "newest.pt"
    step = 0
    if newest.exists():
        kept = torch.load(newest, map_location=device)
        model.load_state_dict(kept["model"])
        for optimiser, state in zip(optimisers, kept["optimisers"]):
            optimiser.load_state_dict(state)
        step = kept["step"]
    elif options.begin:
        model.load_state_dict(read_safetensors(options.begin))
    parameters = sum(one.numel() for one in model.parameters())
    print(f"{parameters / 1e6:.1f} M parameters on {device}, {batches.tokens / 1e6:.1f} M tokens of data, step {step} of {steps}", flush=True)

    def keep() -> None:
        save(newest, {"model": model.state_dict(), "optimisers": [one.state_dict() for one in optimisers], "step": step, "shape": asdict(shape)})

    is_told_to_stop = False

    def stop(*_) -> None:
        nonlocal is_told_to_stop
        is_told_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    began = told = time.monotonic()
    counted = step
    model.train()
    with (options.folder / "loss.jsonl").open("a", encoding="utf-8") as log:
        while step < steps and not is_told_to_stop and time.monotonic() - began < options.minutes * 60:
            loss = loss_of(model, batches.batch(step), device)
            model.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimiser in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate(step, steps, options.rate, options.decay)
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
            if step % 200 == 0:
                keep()
    keep()


if __name__ == "__main__":
    main()
