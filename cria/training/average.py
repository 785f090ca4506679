"""Averages the weights of several checkpoints or safetensors files into a checkpoint that export.py and adapter.py take.

    python3 average.py ../model.safetensors checkpoints/first.pt checkpoints/base/newest.pt --out checkpoints/mean.pt

The mean of weights that stood where the learning rate had reached zero answered more questions in unseen wording than any of them.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import torch

from model import Shape
from weights import read_safetensors


def read(path: Path) -> dict[str, torch.Tensor]:
    return read_safetensors(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu")["model"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", type=Path, nargs="+")
    parser.add_argument("--sharpen", type=float, default=1, help="what its logits are multiplied by: surer draws at any temperature")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    parts = [read(path) for path in options.parts]
    mean = {name: sum(part[name].float() for part in parts) / len(parts) for name in parts[0]}
    mean["model.norm.weight"] *= options.sharpen
    torch.save({"model": mean, "shape": asdict(Shape())}, options.out)


if __name__ == "__main__":
    main()
