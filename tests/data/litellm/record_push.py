"""Record what a real LiteLLM proxy pushes when a client leaves in the middle of a stream.

    recorder/bin/python tests/data/litellm/record_push.py tests/data/litellm      (the environment of record.py)

Two calls with one x-litellm-call-id: a plain one, and a streamed one whose client closes the connection. Writes
push.json, the body of one generic_api push, without model_map_information.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

pushed: list[bytes] = []


class Peer(BaseHTTPRequestHandler):
    """The provider behind the proxy, and the receiver of its log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """A log push, a plain answer or a slow stream."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.startswith("/sink"):
            pushed.append(body)
            self.answer(b"")
        elif json.loads(body).get("stream"):
            self.stream()
        else:
            message = {"role": "assistant", "content": "CANARY-ANSWER"}
            choice = {"index": 0, "message": message, "finish_reason": "length"}
            usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
            self.answer(json.dumps({"id": "chatcmpl-9", "object": "chat.completion", "created": 1, "model": "gpt-5",
                                    "choices": [choice], "usage": usage}).encode())

    def answer(self, data: bytes) -> None:
        """One JSON body."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self) -> None:
        """Ten words a second until nobody listens."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        delta = {"index": 0, "delta": {"role": "assistant", "content": "CANARY-ANSWER "}, "finish_reason": None}
        event = {"id": "chatcmpl-8", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5",
                 "choices": [delta]}
        data = f"data: {json.dumps(event)}\n\n".encode()
        try:
            for _ in range(100):
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            return


def call(port: int, *, stream: bool) -> Any:
    """One request to the proxy."""
    body = {"model": "good", "stream": stream, "user": "customer-7", "metadata": {"tags": ["app:checkout"]},
            "messages": [{"role": "user", "content": "CANARY-PROMPT"}]}
    headers = {"content-type": "application/json", "x-litellm-call-id": "my-call"}
    url = f"http://127.0.0.1:{port}/chat/completions"
    return urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=20)


def main(folder: Path) -> None:
    """Start the peers, make the two calls, write what was pushed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    peer = f"http://127.0.0.1:{server.server_address[1]}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "GENERIC_LOGGER_ENDPOINT": f"{peer}/sink",
        "GENERIC_LOGGER_HEADERS": "x=y", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "litellm.yaml"
        config.write_text(
            "model_list:\n  - model_name: good\n    litellm_params: {model: openai/gpt-5, api_key: k, "
            f'api_base: "{peer}/v1"}}\nlitellm_settings: {{callbacks: ["generic_api"]}}\n'
        )
        command = [str(Path(sys.executable).parent / "litellm"), "--config", str(config), "--host", "127.0.0.1",
                   "--port", str(port)]
        proxy = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            call(port, stream=False).read()
            answer = call(port, stream=True)
            for _ in range(9):
                answer.readline()
            answer.fp.raw._sock.shutdown(socket.SHUT_RDWR)
            time.sleep(12)  # the proxy pushes every five seconds
        finally:
            proxy.terminate()
            proxy.wait()
    records = [record for body in pushed for record in json.loads(body)]
    for record in records:
        record.pop("model_map_information", None)
    (folder / "push.json").write_text(json.dumps(records), encoding="utf-8")


def wait_for(port: int) -> None:
    """Until the proxy answers."""
    for _ in range(120):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=1)
        except OSError:
            time.sleep(1)
        else:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
