"""What Python's safetensors reads in a trace file: writes python-trace.json beside this file.

    npx tsx test/trace/write-sample.ts sample.safetensors && python test/trace/read_trace.py sample.safetensors
"""

import hashlib
import json
import pathlib
import sys

import safetensors
from safetensors.numpy import safe_open

path = pathlib.Path(sys.argv[1])
with safe_open(path, framework="numpy") as file:
    tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    read = {
        "safetensors": safetensors.__version__,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "tensors": {
            name: {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "values": tensor.flatten().tolist()}
            for name, tensor in tensors.items()
        },
        "trace": json.loads(file.metadata()["glassformer.trace"]),
    }
pathlib.Path(__file__).with_name("python-trace.json").write_text(json.dumps(read, indent=1) + "\n")
