"""Checks a file of ours with the official library, and writes one of its own for us to read.

    pip install safetensors numpy
    python official_check.py

Run it again when writer.ts changes what it writes; files.test.ts compares with the recorded results.
"""
import hashlib, json, os, platform
import numpy as np, safetensors
from safetensors import safe_open
from safetensors.numpy import save_file

here = os.path.dirname(os.path.abspath(__file__))
ours, theirs = os.path.join(here, "written-by-glassformer.safetensors"), os.path.join(here, "written-by-official.safetensors")
with safe_open(ours, "np") as f:
    metadata = f.metadata()
    tensors = {name: {"dtype": str(f.get_tensor(name).dtype), "shape": list(f.get_tensor(name).shape), "values": f.get_tensor(name).astype(float).ravel().tolist()} for name in sorted(f.keys())}
save_file({"f32": np.arange(6, dtype=np.float32).reshape(2, 3) / 2, "i64": np.array([-1, 2**60]), "u8": np.array([1, 2, 255], np.uint8), "f16": np.array([0.5, -2], np.float16), "flag": np.array([True, False])}, theirs, {"by": "official"})
digest = lambda path: hashlib.sha256(open(path, "rb").read()).hexdigest()
record = dict(safetensors=safetensors.__version__, numpy=np.__version__, python=platform.python_version(), sha256={os.path.basename(p): digest(p) for p in (ours, theirs)}, metadata=metadata, read=tensors)
json.dump(record, open(os.path.join(here, "official-record.json"), "w"), indent=1)
print("read", len(tensors), "tensors")
