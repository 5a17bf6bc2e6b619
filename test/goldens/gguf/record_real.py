"""Records what real GGUF files hold: python record_real.py SMOLLM2.gguf GEMMA3.gguf IDS_SMOLLM2.json IDS_GEMMA3.json TEXTS.json

Values of a tensor of each number format, by the Python package `gguf`. The ids are those of llama.cpp for the texts, as node-llama-cpp gives
them: `JSON.stringify({ special: texts.map((text) => model.tokenize(text, true)) })`, of a model loaded with `vocabOnly`.
"""
import hashlib
import json
import sys

import gguf
import numpy as np

smollm2, gemma3, ids_smollm2, ids_gemma3, texts = sys.argv[1:]
texts = json.load(open(texts))
recorded = {}
for name, file, ids in (("smollm2", smollm2, ids_smollm2), ("gemma3", gemma3, ids_gemma3)):
    tensors, seen = [], set()
    for tensor in sorted(gguf.GGUFReader(file).tensors, key=lambda tensor: tensor.n_elements):
        if tensor.tensor_type in seen:
            continue
        seen.add(tensor.tensor_type)
        values = np.ascontiguousarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        digest = hashlib.sha256(values.tobytes()).hexdigest()
        tensors.append({"name": tensor.name, "type": tensor.tensor_type.name, "sha256": digest})
    given = json.load(open(ids))["special"]
    recorded[name] = {"tensors": tensors, "texts": [{"text": text, "ids": id} for text, id in zip(texts, given)]}
with open("real.json", "w") as file:
    json.dump(recorded, file, ensure_ascii=True)
    file.write("\n")
