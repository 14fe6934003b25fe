"""One LRU capacity by kvcache-simulator's compiled core; its Python loader is left out of the time.

    python kvcache_simulator_lru.py FOLDER REQUESTS ACCESSES CAPACITY      # FOLDER: ids.u32, tokens.u16, ends.u32
"""

import json
import resource
import subprocess
import sys

from kvcache_sim.cpp_backend import ensure_cpp_simulator

folder, requests, accesses, capacity = sys.argv[1:]
core = ensure_cpp_simulator()
before = resource.getrusage(resource.RUSAGE_CHILDREN)
ran = subprocess.run(
    [
        str(core), "--policy", "batch", "--policies", "lru", "--capacities", capacity, "--warmup-requests",
        str(int(requests) // 2), "--ids", f"{folder}/ids.u32", "--tokens", f"{folder}/tokens.u16", "--request-ends",
        f"{folder}/ends.u32", "--request-count", requests, "--total-blocks", accesses,
    ],
    capture_output=True, text=True, check=True,
)  # fmt: skip
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
found = json.loads(ran.stdout)
hits = found["points"][0]["lru"]["hitTokens"]
print(json.dumps({"cpu_seconds": seconds, "hit_tokens": hits}))
