"""Writes the GGUF files of the tests with the Python package `gguf`, and what is in them.

Run in this folder: python make_gguf.py (needs gguf, numpy, safetensors and sentencepiece)

formats.gguf            a value of each type of the metadata, and a tensor of each number format; formats.safetensors has the values
split-0000N-of-00003    three tensors in three files
big-endian.gguf         the same in the other byte order, which is not read
<family>.gguf           the models of ../<family> with float32 weights, as llama.cpp's converter writes them
tokenizer-<kind>.gguf   the tokenizers of ../tokenizers without a model, and one of SentencePiece with tokenizer-llama.json, its ids
"""
import io
import json
import math
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
from gguf import GGMLQuantizationType as Type
from gguf import GGUFEndian, GGUFValueType, GGUFWriter, TokenType
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent
GOLDENS = HERE.parent


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# ---------------------------------------------------------------------------------------------- formats


def formats():
    random = np.random.default_rng(7)
    writer = GGUFWriter(HERE / "formats.gguf", "llama")
    for name, value in dict(uint8=255, int8=-128, uint16=65535, int16=-32768, uint32=4294967295, int32=-2147483648,
                            float32=0.1, bool=True, string="text \u2603", uint64=2**53 - 1, int64=-(2**60),
                            float64=0.1).items():
        writer.add_key_value(f"test.{name}", value, GGUFValueType[name.upper()])
    writer.add_array("test.list.texts", ["one", "", "\u00e9\u2603\U0001f600"])
    writer.add_array("test.list.integers", [1, -2, 3])
    writer.add_array("test.list.floats", [0.5, -1.5])
    writer.add_array("test.list.booleans", [True, False])
    values = {}
    blocks = load_file(GOLDENS / "gguf-blocks" / "blocks.safetensors")
    for name in ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl"]:
        rows = blocks[f"{name}.blocks"].reshape(2, -1)
        writer.add_tensor(f"tensor.{name}", rows, raw_dtype=Type[name.upper()])
        values[f"tensor.{name}"] = blocks[f"{name}.values"].reshape(2, -1)
    plain = random.standard_normal((2, 3, 5)).astype(np.float32)
    writer.add_tensor("tensor.f32", plain)
    values["tensor.f32"] = plain
    writer.add_tensor("tensor.f16", plain.astype(np.float16))
    values["tensor.f16"] = plain.astype(np.float16).astype(np.float32)
    half = gguf.quants.quantize(plain, Type.BF16)
    writer.add_tensor("tensor.bf16", half, raw_dtype=Type.BF16)
    values["tensor.bf16"] = gguf.quants.dequantize(half, Type.BF16)
    writer.add_tensor("tensor.f64", plain.astype(np.float64))
    values["tensor.f64"] = plain
    for kind in (np.int8, np.int16, np.int32, np.int64):
        numbers = random.integers(-100, 100, (3, 7)).astype(kind)
        writer.add_tensor(f"tensor.i{numbers.itemsize * 8}", numbers)
        values[f"tensor.i{numbers.itemsize * 8}"] = numbers.astype(np.float32)
    finish(writer)
    save_file(values, HERE / "formats.safetensors")

    writer = GGUFWriter(HERE / "split.gguf", "llama", split_max_tensors=1)
    for i in range(3):
        writer.add_tensor(f"tensor.{i}", np.full((2, 4), i, dtype=np.float32))
    finish(writer)
    writer = GGUFWriter(HERE / "big-endian.gguf", "llama", endianess=GGUFEndian.BIG)
    writer.add_tensor("tensor.0", np.zeros((2, 4), dtype=np.float32))
    finish(writer)


# ---------------------------------------------------------------------------------------------- models


def interleaved(weight, heads):
    """Rows of each head from first half, second half to neighbours, as the converter of Llama does."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def rope_factors(config):
    scaling, dim = config["rope_scaling"], config["head_dim"]
    factors = []
    for i in range(dim // 2):
        wavelength = 2 * math.pi * config["rope_theta"] ** (2 * i / dim)
        low = scaling["original_max_position_embeddings"] / scaling["low_freq_factor"]
        high = scaling["original_max_position_embeddings"] / scaling["high_freq_factor"]
        if wavelength < high:
            factors.append(1)
        elif wavelength > low:
            factors.append(scaling["factor"])
        else:
            smooth = (scaling["original_max_position_embeddings"] / wavelength - scaling["low_freq_factor"]) / (
                scaling["high_freq_factor"] - scaling["low_freq_factor"])
            factors.append(1 / ((1 - smooth) / scaling["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def model(folder, architecture, arch):
    config = json.loads((GOLDENS / folder / "config.json").read_text())
    writer = GGUFWriter(HERE / f"{folder.replace('/', '-')}.gguf", architecture)
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    writer.add_block_count(layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    keys = config.get("num_key_value_heads", heads)
    if architecture == "bert":
        writer.add_layer_norm_eps(config["layer_norm_eps"])
        writer.add_causal_attention(False)
        writer.add_pooling_type(gguf.PoolingType.MEAN)
    else:
        writer.add_head_count_kv(keys)
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        if config.get("head_dim"):
            writer.add_key_length(config["head_dim"])
            writer.add_value_length(config["head_dim"])
        rope = config.get("rope_parameters", {}).get("full_attention", config)
        writer.add_rope_freq_base(rope["rope_theta"])
    if architecture == "gemma3":
        writer.add_sliding_window(config["sliding_window"])
        writer.add_uint32("gemma3.attention.sliding_window_pattern", 2)
        writer.add_float32("gemma3.rope.freq_base_swa", config["rope_parameters"]["sliding_attention"]["rope_theta"])
    names = gguf.get_tensor_name_map(arch, layers)
    for name, weight in load_file(GOLDENS / folder / "model.safetensors").items():
        if name.startswith("pooler."):
            continue
        weight = weight.astype(np.float32)
        if architecture == "llama" and "q_proj" in name:
            weight = interleaved(weight, heads)
        if architecture == "llama" and "k_proj" in name:
            weight = interleaved(weight, keys)
        if architecture == "gemma3" and name.endswith("norm.weight"):
            weight = weight + np.float32(1)
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), weight)
    if config.get("rope_scaling"):
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    finish(writer)


# ---------------------------------------------------------------------------------------------- tokenizers


def tokenizer(folder, kind, pre):
    source = json.loads((GOLDENS / "tokenizers" / folder / "tokenizer.json").read_text())
    vocabulary = source["model"]["vocab"]
    added = {token["id"]: token for token in source["added_tokens"]}
    tokens = {id: token for token, id in vocabulary.items()} | {id: token["content"] for id, token in added.items()}
    writer = GGUFWriter(HERE / f"tokenizer-{kind if kind == 'bert' else pre}.gguf", "bert" if kind == "bert" else "llama")
    writer.add_tokenizer_model(kind)
    types = [TokenType.CONTROL if id in added and added[id]["special"] else
             TokenType.USER_DEFINED if id in added else TokenType.NORMAL for id in range(len(tokens))]
    listed = [tokens[id] for id in range(len(tokens))]
    if kind == "bert":
        listed = [token if types[id] == TokenType.CONTROL else token[2:] if token.startswith("##") else "\u2581" + token
                  for id, token in enumerate(listed)]
        for name, key in (("[CLS]", "cls"), ("[SEP]", "seperator"), ("[UNK]", "unknown"), ("[PAD]", "padding")):
            writer.add_uint32(f"tokenizer.ggml.{key}_token_id", vocabulary[name])
    else:
        writer.add_tokenizer_pre(pre)
        merges = source["model"]["merges"]
        writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_token_list(listed)
    writer.add_token_types(types)
    finish(writer)


TEXT = """The cat sat on the mat. A cat and a hat and a bat. She sells sea shells on the sea shore. The capital of France is Paris,
and the capital of Italy is Rome. What is the answer to the question? The answer is that there is no answer. 1234567890 tables."""
SAMPLES = ["The capital of France is", "the cats sell  shells", " leading and trailing ", "caf\u00e9 \u2603 123", "", "a\n\tb",
           "<|user|>what is that<|end|>", "\u65e5\u672c\u8a9e", "questionable answers"]


def sentence_piece():
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.splitlines()), model_writer=made, model_type="bpe", vocab_size=360, byte_fallback=True,
        user_defined_symbols=["<|user|>", "<|end|>"], normalization_rule_name="identity", remove_extra_whitespaces=False,
        bos_id=1, eos_id=2, unk_id=0, hard_vocab_limit=False, minloglevel=2)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    writer = GGUFWriter(HERE / "tokenizer-llama.gguf", "llama")
    writer.add_tokenizer_model("llama")
    ids = range(pieces.get_piece_size())
    kinds = [TokenType.UNKNOWN if pieces.is_unknown(id) else TokenType.CONTROL if pieces.is_control(id) else
             TokenType.BYTE if pieces.is_byte(id) else
             TokenType.USER_DEFINED if pieces.id_to_piece(id).startswith("<|") else TokenType.NORMAL for id in ids]
    writer.add_token_list([pieces.id_to_piece(id) for id in ids])
    writer.add_token_scores([pieces.get_score(id) for id in ids])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template("{{ bos_token }}{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}")
    finish(writer)
    encodings = [{"text": text, "ids": pieces.encode(text), "decoded": pieces.decode(pieces.encode(text))}
                 for text in SAMPLES]
    (HERE / "tokenizer-llama.json").write_text(json.dumps(encodings, indent=1) + "\n")


if __name__ == "__main__":
    formats()
    model("llama/untied", "llama", gguf.MODEL_ARCH.LLAMA)
    model("llama/scaled-biased", "llama", gguf.MODEL_ARCH.LLAMA)
    model("qwen2/base", "qwen2", gguf.MODEL_ARCH.QWEN2)
    model("qwen3/base", "qwen3", gguf.MODEL_ARCH.QWEN3)
    model("gemma3/base", "gemma3", gguf.MODEL_ARCH.GEMMA3)
    model("bert/base", "bert", gguf.MODEL_ARCH.BERT)
    tokenizer("bytelevel-bpe-gpt2", "gpt2", "gpt-2")
    tokenizer("bytelevel-bpe-split", "gpt2", "qwen2")
    tokenizer("wordpiece-uncased", "bert", "")
    sentence_piece()
