"""A real Prometheus server over generated blocks, on a free loopback port."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

INSTALL = "apt-get install prometheus"


def need_prometheus() -> None:
    """Skip without a server; in CI a missing one is a failure."""
    if shutil.which("prometheus") and shutil.which("promtool"):
        return
    if os.environ.get("CI"):
        pytest.fail(f"prometheus and promtool are not on PATH: {INSTALL}")
    pytest.skip(f"prometheus and promtool are not on PATH: {INSTALL}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, text: str, *options: str) -> Iterator[str]:
    """The base URL of a server that holds exactly the samples of ``text`` (OpenMetrics with timestamps)."""
    need_prometheus()
    source, data = folder / "samples.om", folder / "data"
    source.write_text(text, encoding="utf-8")
    made = subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(data)],
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n", encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}",
             "--storage.tsdb.retention.time=100y", *options], stdout=log, stderr=log)
        try:
            _wait(f"http://{address}/-/ready", server, folder / "log")
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def ask(url: str, path: str, **params: str) -> Any:
    """The data of an API answer, without the code under test."""
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(params)}", timeout=20) as reply:
        return json.loads(reply.read())["data"]
