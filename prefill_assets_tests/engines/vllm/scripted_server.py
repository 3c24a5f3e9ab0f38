"""Stands in for `vllm serve` where a real server cannot be brought to a fault: hanging, having no GPU memory left, being busy.

Each start takes the next word of SCRIPT (the last one stays): a fault that this life of the server has. SCRIPT_LIVES counts them.
It answers prompt + seed with tokens that can be told from one another, so that a test sees whether anything was lost or doubled.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OUT_OF_MEMORY = (
    "(EngineCore pid=7) ERROR 11-23 17:05:38 [core.py:1512] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.",
    "(APIServer pid=5) RuntimeError: Engine core initialization failed. See root cause above.",
)
POISON = 13
lives = Path(os.environ["SCRIPT_LIVES"])
life = len(lives.read_text()) if lives.exists() else 0
lives.write_text("x" * (life + 1))
script = os.environ["SCRIPT"].split()
fault = script[min(life, len(script) - 1)]
arguments = dict(zip(sys.argv, sys.argv[1:], strict=False))
name, lock, asked = arguments["--served-model-name"], threading.Lock(), []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/health":
            self.answer(503 if fault == "never_ready" else 200, {})
        elif self.headers["Authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            self.answer(401, {"error": "Unauthorized"})
        elif self.path == "/v1/models":
            self.answer(200, {"data": [{"id": name, "root": sys.argv[2], "max_model_len": 512}]})
        else:
            self.answer(200, {"version": "0"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            asked.append(body)
            number = len(asked)
            with Path(f"{lives}.asked").open("a") as stream:
                stream.write(json.dumps(body) + "\n")
        if fault == "hang" and number > 2:
            time.sleep(600)
        poisoned = fault == "poison" and POISON in body["prompt"]
        if poisoned or fault == "die_at_once" or (fault == "die" and number > 2):
            os._exit(1)
        if fault == "busy" and number <= 2:
            return self.answer(503, {"error": {"message": "overloaded"}})
        if fault == "stumble" and number % 2:
            return self.answer(500, {"error": {"message": "an internal error"}})
        if fault == "broken":
            return self.answer(500, {"error": {"message": "an internal error"}})
        choices = [
            {
                "index": index,
                "token_ids": None if fault == "no_ids" else [100 + body["seed"] + index, 7],
                "finish_reason": "length",
                "prompt_token_ids": [*body["prompt"], 1] if fault == "other_ids" else body["prompt"],
            }
            for index in range(body["n"])
        ]
        self.answer(200, {"choices": choices[: 1 if fault == "too_few" else None]})


if fault == "out_of_memory":
    print("\n".join(OUT_OF_MEMORY), flush=True)
    sys.exit(1)
if fault == "unrecognized":
    sys.exit("vllm: error: unrecognized arguments: --no-such-option")
ThreadingHTTPServer((arguments["--host"], int(arguments["--port"])), Handler).serve_forever()
