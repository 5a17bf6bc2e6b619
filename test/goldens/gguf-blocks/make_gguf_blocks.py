"""Records random blocks of every GGUF block format, and the float32 values that the Python package `gguf` gives them.

Run in this folder: python make_gguf_blocks.py (needs gguf, numpy and safetensors)
Tensors: `<format>.blocks` uint8 [blocks, bytes], `<format>.values` float32 [blocks, values]; for the formats that `gguf` quantises,
`<format>.rows` float32 [rows, columns] and `<format>.quantised` uint8 [rows, bytes]. formats.json: number, values and bytes of each format.
"""
import json

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file

FORMATS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL"]
QUANTISED = ["Q4_0", "Q4_1", "Q8_0"]
# Bytes at which each format keeps a float16.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0]}
BLOCKS = 6

random = np.random.default_rng(18)
tensors, table = {}, {}
for name in FORMATS:
    kind = Type[name]
    values, size = gguf.GGML_QUANT_SIZES[kind]
    table[name.lower()] = {"ggufType": int(kind), "values": values, "bytes": size, "halves": HALVES[name]}
    blocks = random.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
    for at in HALVES[name]:
        scales = random.integers(0, 65536, BLOCKS, dtype=np.uint16)
        scales[(scales & 0x7C00) == 0x7C00] ^= 0x4000  # finite
        scales[0] = 0x0001  # the smallest subnormal number
        scales[1] = 0x8000  # minus zero
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(BLOCKS, 2)
    tensors[f"{name.lower()}.blocks"] = blocks
    tensors[f"{name.lower()}.values"] = gguf.quants.dequantize(blocks, kind)
for name in QUANTISED:
    rows = random.standard_normal((8, 96)).astype(np.float32)
    rows[0, :32] = 0
    rows[1] *= 1e-6  # scales that are subnormal in float16
    rows[2, 0:32] = np.round(rows[2, 0:32] * 4)  # ties
    rows[3, 0:32] = 0.25
    tensors[f"{name.lower()}.rows"] = rows
    tensors[f"{name.lower()}.quantised"] = gguf.quants.quantize(rows, Type[name])
save_file(tensors, "blocks.safetensors")
with open("formats.json", "w") as file:
    json.dump(table, file, indent=2)
    file.write("\n")
