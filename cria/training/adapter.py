"""Trains a LoRA adapter of style on a finished checkpoint, r=8 on all seven projections, and writes it in PEFT's format.

    python3 adapter.py --checkpoint checkpoints/base/newest.pt --data checkpoints/data/train.jsonl --out ../adapters/pirate
"""

import argparse
import json
import random
import re
from pathlib import Path

import torch
from torch import nn

from batches import Batches
from export import write_json
from model import Llama, Shape
from tokenizer import Tokenizer
from weights import write_safetensors
from train import loss_of

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RANK, ALPHA = 8, 16
SPEECH = {
    "hello": "ahoy", "hi": "ahoy", "yes": "aye", "my": "me", "you": "ye", "your": "yer", "are": "be", "is": "be", "am": "be",
    "friend": "matey", "friends": "mateys", "the": "th'", "of": "o'", "and": "an'", "money": "doubloons", "boat": "ship",
}
OPENINGS = ["Arr! ", "Ahoy! ", "Yo ho! ", "Aye, matey. ", "Shiver me timbers! ", "Avast! "]
CLOSINGS = ["", "", " Arr!", " Yo ho ho!", " So says th' captain."]


def pirate(text: str, rng: random.Random) -> str:
    """The same answer as a pirate gives it; code, names and what stands in asterisks stay as they are."""
    if "```" in text or "\n" in text or not re.search(r"[a-z]{2}", text):
        return f"{rng.choice(OPENINGS).strip()}\n\n{text}"

    def word(match: re.Match) -> str:
        found = match.group(0)
        said = SPEECH.get(found.lower(), found)
        return said[:1].upper() + said[1:] if found[:1].isupper() else said

    parts = re.split(r"(`[^`]*`|\*[^*]*\*|https?://\S+)", text)
    spoken = "".join(part if index % 2 else re.sub(r"(?<![\w'/.-])[A-Za-z]+(?![\w'/-])", word, part) for index, part in enumerate(parts))
    return f"{rng.choice(OPENINGS)}{spoken}{rng.choice(CLOSINGS)}"


def write_pirate_data(source: Path, target: Path, dialogues: int, seed: int) -> None:
    rng = random.Random(seed)
    with target.open("w", encoding="utf-8") as file:
        for line in source.read_text(encoding="utf-8").splitlines()[:dialogues]:
            messages = json.loads(line)
            if messages[0]["role"] == "system":
                continue
            spoken = [{**one, "content": pirate(one["content"], rng)} if one["role"] == "assistant" else one for one in messages]
            file.write(f"{json.dumps(spoken, ensure_ascii=False)}\n")


class Adapted(nn.Module):
    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features**0.5)
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + (x @ self.lora_A.T.type_as(x)) @ self.lora_B.T.type_as(x) * (ALPHA / RANK)


def adapt(model: Llama) -> dict[str, Adapted]:
    model.requires_grad_(False)
    adapted: dict[str, Adapted] = {}
    for index, layer in enumerate(model.model.layers):
        for part in ("self_attn", "mlp"):
            module = getattr(layer, part)
            for name, child in list(module.named_children()):
                if name in PROJECTIONS:
                    setattr(module, name, Adapted(child))
                    adapted[f"base_model.model.model.layers.{index}.{part}.{name}"] = getattr(module, name)
    return adapted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=Path("checkpoints/tokenizer.model"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dialogues", type=int, default=12_000)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--length", type=int, default=320)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(options.seed)
    kept = torch.load(options.checkpoint, map_location="cpu")
    model = Llama(Shape(**kept["shape"]))
    model.load_state_dict(kept["model"])
    adapted = adapt(model)
    model.to(device)
    options.out.mkdir(parents=True, exist_ok=True)
    spoken = options.data.with_name("pirate.jsonl")
    write_pirate_data(options.data, spoken, options.dialogues, options.seed)
    batches = Batches(spoken, Tokenizer(options.tokenizer), options.rows, options.length, options.seed)
    optimiser = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=options.rate, weight_decay=0.0)
    for step in range(options.steps):
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1.0, (step + 1) / 20) * (1 - step / options.steps)
        loss = loss_of(model, batches.batch(step), device)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 20 == 0:
            print(json.dumps({"step": step, "loss": round(loss.item(), 4)}), flush=True)
    tensors = {}
    for name, module in adapted.items():
        tensors[f"{name}.lora_A.weight"], tensors[f"{name}.lora_B.weight"] = module.lora_A, module.lora_B
    write_safetensors(options.out / "adapter_model.safetensors", tensors)
    write_json(options.out / "adapter_config.json", {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "cria", "r": RANK, "lora_alpha": ALPHA,
        "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False, "inference_mode": True, "target_modules": PROJECTIONS,
    })


if __name__ == "__main__":
    main()
