"""AWS Batch: submitting jobs and finding them."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from core.adapters.aws.errors import translate_errors
from core.domain.errors import Code
from core.routing.job_definitions import definition_name

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

_SHORTEST_ARRAY = 2  # https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html


class BatchJobs:
    """Submits to one job queue. The job definition of a tier is named `<definitions>-<tier>`.

    The client must not retry: SubmitJob takes no idempotency token, so a retry after a lost answer submits twice.
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
        """`per_second`: submissions of this process; AWS allows an account 50 a second.

        https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html
        """
        self._client = client
        self._queue = queue
        self._definitions = definitions
        self._interval = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_turn = float("-inf")

    def submit(self, name: str, tier: str, arguments: Sequence[str], size: int, timeout_seconds: int) -> str:
        array: dict[str, Any] = {"arrayProperties": {"size": size}} if size >= _SHORTEST_ARRAY else {}
        self._wait_for_turn()
        with _translate_errors(f"Submitting {name} to {self._queue}"):
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
        with _translate_errors(f"Looking for {name} in {self._queue}"):
            pages = self._client.get_paginator("list_jobs").paginate(
                jobQueue=self._queue, filters=[{"name": "JOB_NAME", "values": [name]}]
            )
            job_ids = (job["jobId"] for page in pages for job in page["jobSummaryList"] if job["jobName"] == name)
            return next(job_ids, None)

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = self._clock()
            turn = max(now, self._next_turn)
            self._next_turn = turn + self._interval
        self._sleep(turn - now)


def _translate_errors(action: str) -> AbstractContextManager[None]:
    return translate_errors(action, Code.BATCH_UNAVAILABLE, Code.BATCH_REFUSED)
