"""One LRU capacity by libCacheSim, every block access one request; opening the file is left out of the time.

    python libcachesim_lru.py TRACE CAPACITY      # TRACE: oracleGeneral records
"""

import json
import resource
import sys

import libcachesim as lcs


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


path, capacity = sys.argv[1:]
options = lcs.ReaderInitParam(ignore_obj_size=True)
reader = lcs.TraceReader(path, lcs.TraceType.ORACLE_GENERAL_TRACE, options)
cache = lcs.LRU(cache_size=int(capacity))
start = cpu_seconds()
miss_ratio, _ = cache.process_trace(reader)
print(json.dumps({"cpu_seconds": cpu_seconds() - start, "hit_ratio": 1 - miss_ratio}))
