"""AWS Batch, for who submits."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from core.adapters.aws.errors import translated
from core.domain.errors import Code
from core.routing.job_definitions import definition_name

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

_SHORTEST_ARRAY = 2  # https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html


class BatchJobs:
    """Submits to one queue. `definitions` is the prefix of the job definitions' names.

    The client must not retry by itself: a submission has no token, and one whose answer was lost would be made twice.
    """

    def __init__(
        self,
        client: "BatchClient",
        queue: str,
        definitions: str,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`per_second` is how often this process may submit; AWS lets an account submit 50 times a second."""
        self._client = client
        self._queue = queue
        self._definitions = definitions
        self._interval = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._turns = threading.Lock()
        self._next = float("-inf")

    def submit(self, name: str, tier: str, arguments: Sequence[str], size: int, timeout_seconds: int) -> str:
        array: dict[str, Any] = {"arrayProperties": {"size": size}} if size >= _SHORTEST_ARRAY else {}
        self._wait()
        with _answered(f"Submitting {name} to {self._queue}"):
            answer = self._client.submit_job(
                jobName=name,
                jobQueue=self._queue,
                jobDefinition=definition_name(tier, self._definitions),
                containerOverrides={"command": ["batch", *arguments]},
                timeout={"attemptDurationSeconds": timeout_seconds},
                **array,
            )
        return answer["jobId"]

    def find(self, name: str) -> str | None:
        with _answered(f"Looking for {name} in {self._queue}"):
            pages = self._client.get_paginator("list_jobs").paginate(
                jobQueue=self._queue, filters=[{"name": "JOB_NAME", "values": [name]}]
            )
            found = (job["jobId"] for page in pages for job in page["jobSummaryList"] if job["jobName"] == name)
            return next(found, None)

    def _wait(self) -> None:
        """Until it is this submission's turn."""
        with self._turns:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._interval
        self._sleep(turn - now)


def _answered(what: str) -> AbstractContextManager[None]:
    return translated(what, Code.BATCH_UNAVAILABLE, Code.BATCH_REFUSED)
