"""Weights in bf16 as a safetensors file, written and read without a library."""

import json
import struct
from pathlib import Path

import torch


def write_safetensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    header: dict = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [at, at + tensor.numel() * 2]}
        at += tensor.numel() * 2
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for tensor in tensors.values():
            file.write(tensor.detach().cpu().to(torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(bytearray(content[8 + size + begin : 8 + size + end]), dtype=torch.bfloat16)
        tensors[name] = values.reshape(entry["shape"]).float()
    return tensors
