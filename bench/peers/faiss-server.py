"""A flat faiss index behind standard input and output: a JSON command on each line, a JSON answer on each line."""
import json
import sys
import time

import faiss
import numpy as np

faiss.omp_set_num_threads(1)
print(json.dumps({"version": faiss.__version__}), flush=True)

index, queries = None, None
for line in sys.stdin:
    command = json.loads(line)
    if command["command"] == "load":
        dimension = command["dimension"]
        index = faiss.IndexFlatIP(dimension)
        index.add(np.fromfile(command["vectors"], np.float32).reshape(-1, dimension))
        queries = np.fromfile(command["queries"], np.float32).reshape(-1, dimension)
        answer = {"count": index.ntotal}
    else:
        start, count, k = command["start"], command["count"], command["k"]
        batch = queries[start : start + count]
        groups = [batch] if command["together"] else [batch[i : i + 1] for i in range(count)]
        begin = time.perf_counter()
        found = [index.search(group, k)[1] for group in groups]
        seconds = time.perf_counter() - begin
        answer = {"seconds": seconds, "indices": np.concatenate(found).tolist()}
    print(json.dumps(answer), flush=True)
