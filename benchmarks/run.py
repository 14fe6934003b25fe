"""All benchmarks in one run: requests, pricing beside its peer, reading a trace, and the start of the command line.

    python benchmarks/run.py [--full]      # --full: 50 million requests
"""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import bench_assets
import bench_cli
import bench_commitments
import bench_kv_curve
import bench_kv_plan
import bench_kv_reading
import bench_placement
import bench_pricing
import bench_requests
import bench_service_time
import bench_serving

PACKAGES = ("netyield", "duckdb", "pyarrow", "genai-prices")


def main() -> None:
    """Print every benchmark under its heading, with date, machine and versions."""
    print(f"{datetime.now(UTC):%Y-%m-%d} · {platform.machine()} · Python {platform.python_version()} · "
          + " · ".join(f"{name} {version(name)}" for name in PACKAGES))
    print("\n== Requests: price + apportion + judge")
    bench_requests.main(30 if "--full" in sys.argv else 3)
    print("\n== Pricing beside genai-prices, one call per event")
    bench_pricing.main()
    print("\n== Reading a trace: agent-like sessions, 90 million block accesses")
    bench_kv_reading.main()
    print("\n== The whole exact hit curve, beside one capacity by kvcache-simulator and libCacheSim")
    bench_kv_curve.main()
    print("\n== A KV cache plan on the Mooncake conversation trace")
    bench_kv_plan.main()
    print("\n== Ten thousand owned assets over sixty months")
    bench_assets.main()
    print("\n== A thousand commitments over 60 months")
    bench_commitments.main()
    print("\n== Serving: requests simulated at iteration level on eight replicas")
    bench_serving.main()
    print("\n== Service times: errors on measured rows, aiconfigurator beside its own sample")
    bench_service_time.main()
    print("\n== Own, rent or API: 1,000 draws over six options")
    bench_placement.main()
    print("\n== Start of the command line")
    bench_cli.main()


if __name__ == "__main__":
    main()
