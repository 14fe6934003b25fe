"""Starts the servers of the conformance tests on the loopback, and stops them whatever happens."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPARK_COMMAND = "make spark-env (and Java 17: apt-get install openjdk-17-jre-headless)"
START_SECONDS = 240
STOP_SECONDS = 15
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


@contextmanager
def sail() -> Iterator[str]:
    """A Sail server in this process; gives its URL."""
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    try:
        yield f"sc://127.0.0.1:{server.listening_address[1]}"
    finally:
        server.stop()


def spark_home() -> Path:
    """Where Apache Spark is installed. Skips the test without it or Java 17; in CI their lack is a failure."""
    own, named = sorted(ROOT.glob(".venv-spark/lib/python3*/site-packages/pyspark")), os.environ.get("SPARK_HOME")
    places = own or ([Path(named)] if named else [])
    missing = "no Java 17 or newer" if _java_version() < 17 else "no Apache Spark" if not places else ""
    if missing:
        message = f"{missing} here; to run this test: {SPARK_COMMAND}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return places[0]


def _java_version() -> int:
    if shutil.which("java") is None:
        return 0
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else 0


@contextmanager
def spark(home: Path, folder: Path) -> Iterator[str]:
    """Apache Spark as a Spark Connect server in a Java process of its own; gives its URL."""
    port, log = _free_port(), folder / "spark.log"
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port),
        "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1", "spark.sql.adaptive.enabled": "false", "spark.driver.memory": "1g",
        "spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "warehouse"), "spark.log.level": "WARN",
    }
    flags = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    command = [
        str(home / "bin" / "spark-submit"), "--class", SERVER, "--master", "local[2]",
        "--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC", *flags, "spark-internal",
    ]
    loopback = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "127.0.0.1"}
    with log.open("wb") as sink:
        server = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, cwd=folder, env=os.environ | loopback, start_new_session=True
        )
    try:
        _wait(server, port, log)
        yield f"sc://127.0.0.1:{port}"
    finally:
        _stop(server)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"Spark did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the whole process group: the script and the Java process it became."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            os.killpg(server.pid, number)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
