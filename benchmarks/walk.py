"""The way of one upload through the project's files, from the notification to the row in PostgreSQL.

`python -m benchmarks.walk [CHECKOUT]`. Runs `handler.process` and `handler.record` for a painted JPEG and the pipeline
`thumbnail`, with moto and a PostgreSQL of its own, and notes every call of a function of the project. The second upload
is counted, when all modules are loaded, and only the parent process, not the worker's child. Prints

- the number of files, of calls from one file to another, and of changes of file in the order of all calls,
- the files in the order of their first call,
- the pairs of files, caller -> called, by number of calls.

CHECKOUT is the folder of another version, with its own .venv.
"""

import io
import json
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path

from moto.server import ThreadedMotoServer
from PIL import Image

from localcloud import clients
from localcloud.postgres import PostgreSQL
from localcloud.s3_sqs_cloudwatch import resources

_CHILD = Path(__file__).with_name("walk_child.py")
_UPLOADS = [f"incoming/acme/thumbnail/walk-{number}/photo.jpg" for number in (1, 2)]  # the first one warms up

Call = tuple[int, str, str]  # thread, file of the caller, file of the called function
_thread = itemgetter(0)


def main(checkout: Path) -> None:
    with _services() as environment:
        calls = _measure(checkout, environment)
    files = dict.fromkeys(callee for _, _, callee in calls)
    between = [(caller, callee) for _, caller, callee in calls if caller != callee]
    by_thread = [[callee for _, _, callee in each] for _, each in groupby(sorted(calls, key=_thread), _thread)]
    changes = sum(1 + sum(a != b for a, b in pairwise(each)) for each in by_thread)
    print(f"{len(files)} files, {len(between)} calls from one file to another, {changes} changes of file")
    print("\nFiles in the order of their first call:")
    for number, file in enumerate(files, 1):
        print(f"{number:4}  {file}")
    print("\nCalls from file to file:")
    for (caller, callee), count in Counter(between).most_common():
        print(f"{count:4}  {caller or '(outside the project)'} -> {callee}")


@contextmanager
def _services() -> Iterator[dict[str, str]]:
    """S3, SQS and PostgreSQL with the uploads in the bucket: the environment variables of the functions."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        with clients.isolated(endpoint), PostgreSQL() as database:
            queues = resources.create_queues(clients.sqs(endpoint), 60)
            resources.create_bucket(endpoint, queues)
            for key in _UPLOADS:
                clients.s3(endpoint).put_object(Bucket=resources.BUCKET, Key=key, Body=_jpeg())
            yield {
                **clients.environment(endpoint),
                "PATH": os.defpath,
                "BUCKET": resources.BUCKET,
                "RECORDS_QUEUE_URL": queues["records"],
                "OVERFLOW_QUEUE_URL": queues["overflow"],
                "PUBLIC_BASE_URL": f"{endpoint}/{resources.BUCKET}",
                "DATABASE_URL": database.url,
                "BATCH_QUEUE": "none",
            }
    finally:
        server.stop()


def _measure(checkout: Path, environment: dict[str, str]) -> list[Call]:
    own = checkout / ".venv" / "bin" / "python"
    done = subprocess.run(
        [own if own.exists() else sys.executable, _CHILD, resources.BUCKET, *_UPLOADS],
        cwd=checkout,
        env={**environment, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [(thread, caller, callee) for thread, caller, callee in json.loads(done.stdout.splitlines()[-1])]


def _jpeg() -> bytes:
    channels = [Image.radial_gradient("L"), Image.linear_gradient("L"), Image.linear_gradient("L").rotate(90)]
    file = io.BytesIO()
    Image.merge("RGB", channels).resize((1600, 1200)).save(file, "JPEG")
    return file.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else ".").resolve())
