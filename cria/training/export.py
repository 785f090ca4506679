"""Writes a checkpoint as a Hugging Face repository: bf16 safetensors, configs and the tokenizer. The card is written by hand.

    python3 export.py --checkpoint checkpoints/base/newest.pt --out checkpoints/export
"""

import argparse
import json
import shutil
from pathlib import Path

import torch

from weights import write_safetensors

TEMPLATE = "".join([
    "{%- if messages and messages[0]['role'] == 'system' -%}",
    "{%- set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}{%- set turns = messages[1:] -%}",
    "{%- else -%}{%- set system = '' -%}{%- set turns = messages -%}{%- endif -%}",
    "{%- for message in turns -%}",
    "{%- if message['role'] == 'user' -%}",
    "{{ bos_token + '[INST] ' + (system if loop.first else '') + message['content'] | trim + ' [/INST]' }}",
    "{%- elif message['role'] == 'assistant' -%}",
    "{{ ' ' + message['content'] | trim + ' ' + eos_token }}",
    "{%- endif -%}{%- endfor -%}",
])


def write_json(path: Path, value: dict) -> None:
    path.write_text(f"{json.dumps(value, indent=2, ensure_ascii=False)}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=Path("checkpoints/tokenizer.model"))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    kept = torch.load(options.checkpoint, map_location="cpu")
    shape = kept["shape"]
    options.out.mkdir(parents=True, exist_ok=True)
    write_safetensors(options.out / "model.safetensors", kept["model"])
    shutil.copyfile(options.tokenizer, options.out / "tokenizer.model")
    write_json(options.out / "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": shape["width"], "intermediate_size": shape["feed_forward"], "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"], "num_key_value_heads": shape["heads"],
        "max_position_embeddings": shape["context"], "rms_norm_eps": shape["epsilon"], "rope_theta": shape["rope_theta"],
        "vocab_size": shape["vocabulary"], "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16",
    })
    write_json(options.out / "generation_config.json", {"bos_token_id": 1, "eos_token_id": 2, "do_sample": True, "temperature": 0.7})
    write_json(options.out / "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "clean_up_tokenization_spaces": False, "legacy": False, "model_max_length": shape["context"],
        "tokenizer_class": "LlamaTokenizer", "chat_template": TEMPLATE,
    })


if __name__ == "__main__":
    main()
