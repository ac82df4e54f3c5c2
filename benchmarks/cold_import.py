"""Cold import of `handler.web` compared with `handler.process`.

`python -m benchmarks.cold_import`. Each module is imported in a fresh process, as Lambda's runtime does it, the two in
turns, so that other load of the machine affects both. Compares the medians of the wall-clock milliseconds, and prints
those of the first requests to `handler.web`, which load what the import left out.
"""

import json
import os
import statistics
import subprocess
import sys

ROUNDS = 15
#: Largest ratio of the two imports.
MAX_RATIO = 0.60
_ENVIRONMENT = {
    "PATH": os.defpath,
    "BUCKET": "home",
    "RECORDS_QUEUE_URL": "http://127.0.0.1:1/records",
    "OVERFLOW_QUEUE_URL": "http://127.0.0.1:1/overflow",
    "PUBLIC_BASE_URL": "https://images.example",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}
_LOAD = """
import time, os, sys, json
started = time.perf_counter()
import importlib
handle = importlib.import_module(sys.argv[1]).handle
loaded = time.perf_counter()
times = [loaded - started]
if sys.argv[1] == "handler.web":
    claims = {"jwt": {"claims": {"custom:customer": "acme"}}}
    files = {"pipeline": "web", "files": [{"name": "a.jpg", "bytes": 1}]}
    for method, path, body in (("GET", "/", None), ("POST", "/api/uploads", json.dumps(files))):
        http = {"method": method, "path": path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1", "userAgent": ""}
        event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "body": body,
                 "headers": {"content-type": "application/json"},
                 "requestContext": {"http": http, "authorizer": claims}}
        before = time.perf_counter()
        answer = handle(event, None)
        times.append(time.perf_counter() - before)
        assert answer["statusCode"] in (200, 201), answer
print(json.dumps(times), flush=True)
os._exit(0)  # the worker's child sees its pipe close
"""


def measure(module: str) -> list[float]:
    """Milliseconds of the import of `module`, then of each first request."""
    command = [sys.executable, "-c", _LOAD, module]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=_ENVIRONMENT, timeout=60).stdout
    return [1000 * seconds for seconds in json.loads(output.splitlines()[-1])]


def main() -> int:
    """Print the medians. Returns 1 if the ratio is above MAX_RATIO."""
    for module in ("handler.process", "handler.web"):  # the first import writes bytecode
        measure(module)
    rounds = [(measure("handler.process"), measure("handler.web")) for _ in range(ROUNDS)]
    process = statistics.median(process[0] for process, _ in rounds)
    web, page, uploads = (statistics.median(web[at] for _, web in rounds) for at in range(3))
    ratio = statistics.median(web[0] / process[0] for process, web in rounds)
    print(f"handler.process   {process:6.0f} ms")
    print(f"handler.web       {web:6.0f} ms")
    print(f"  {ratio:.0%} of handler.process, median of {ROUNDS} pairs; at most {MAX_RATIO:.0%}")
    print(f"  first GET / {page:6.0f} ms")
    print(f"  first POST /api/uploads {uploads:.0f} ms")
    return 0 if ratio < MAX_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
