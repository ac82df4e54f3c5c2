"""What Batch does with its jobs: they wait for vCPUs, run, are tried again, time out, and are ended.

https://docs.aws.amazon.com/batch/latest/userguide/job_states.html
"""

import logging
import queue
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from localcloud.batch import job as jobs
from localcloud.batch.container import Container
from localcloud.batch.job import Attempt, Job, Status

#: What an image is named that no registry has.
MISSING = "missing/"
_SIGKILLED = 137
_logger = logging.getLogger(__name__)


def entry(command: Sequence[str]) -> list[str]:
    """What the image's entry point makes of a job's command."""
    return [sys.executable, "-m", "localcloud.batch.entry", *command]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What jobs run in: one compute environment, and who is told of them."""

    folder: Path
    environment: Mapping[str, str]
    on_event: Callable[[dict[str, Any]], object]
    on_log: Callable[[str], object]
    max_vcpus: float
    #: Seconds between SIGTERM and SIGKILL.
    grace: float = 30.0
    entry: Callable[[Sequence[str]], list[str]] = field(default=entry)


class Scheduler:
    """Runs jobs, first come, first served, within `max_vcpus`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self.lock = threading.RLock()
        self._waiting: list[Job] = []
        self._running: set[Job] = set()
        self._threads: set[threading.Thread] = set()
        self._log_lock = threading.Lock()
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._teller = threading.Thread(target=self._tell, daemon=True)
        self._teller.start()

    def changed(self, job: Job) -> None:
        """A job entered a state. Batch says nothing of the first."""
        self._events.put(job.event())

    def add(self, job: Job) -> None:
        """Take what was submitted: a job, or an array with its children."""
        with self.lock:
            for child in job.children:
                child.move(Status.PENDING)
            for single in job.children or [job]:
                single.move(Status.RUNNABLE)
                self._waiting.append(single)
            if job.children:
                job.move(Status.PENDING)
            self._start_what_fits()

    def cancel(self, job: Job, reason: str) -> None:
        """End what has not come to STARTING; what has goes on."""
        with self.lock:
            self._cancel(job, reason)
            self._start_what_fits()

    def terminate(self, job: Job, reason: str) -> None:
        """End it, wherever it is; returns before it has ended."""
        with self.lock:
            for single in (*job.children, job):
                single.terminated |= not single.status.is_last
            running = [single for single in job.children or [job] if single in self._running]
            for single in running:
                single.status_reason = reason
            self._cancel(job, reason)
            self._start_what_fits()
        for single in running:
            if single.container:
                threading.Thread(target=single.container.stop, args=(self._around.grace,), daemon=True).start()

    def close(self) -> None:
        """Kill all that runs, and tell nobody."""
        with self.lock:
            self._closed = True
            self._waiting.clear()
            running = [job.container for job in self._running if job.container]
            threads = list(self._threads)
        for container in running:
            container.stop(0)
        for thread in threads:
            thread.join(timeout=10)
        self._events.put(None)
        self._teller.join(timeout=10)

    def _cancel(self, job: Job, reason: str) -> None:
        meant = set(job.children or [job])
        waiting = [single for single in self._waiting if single in meant]
        self._waiting = [single for single in self._waiting if single not in meant]
        if job.children and not job.status.is_last:
            job.cancelled, job.status_reason = not job.terminated, reason
        for single in waiting:
            single.cancelled = not single.terminated
            single.move(Status.FAILED, reason)
            self._settle(single)

    def _start_what_fits(self) -> None:
        """In order: a large job at the head is not overtaken by small ones for ever."""
        most = self._around.max_vcpus
        for job in list(self._waiting):
            if job.properties.vcpus > most:
                job.status_reason = jobs.TOO_LARGE
                continue
            if self._closed or sum(other.properties.vcpus for other in self._running) + job.properties.vcpus > most:
                return
            self._waiting.remove(job)
            self._running.add(job)
            job.move(Status.STARTING)
            thread = threading.Thread(target=self._attempt, args=(job,), daemon=True)
            self._threads.add(thread)
            thread.start()

    def _attempt(self, job: Job) -> None:
        attempt = self._begin(job)
        try:
            timed_out = self._run(job, attempt)
        except OSError as error:
            timed_out = False
            attempt.status_reason, attempt.reason = jobs.NOT_STARTED, f"CannotStartContainerError: {error}"
        attempt.stopped = jobs.now()
        with self.lock:
            self._threads.discard(threading.current_thread())
            self._running.discard(job)
            job.container = job.current = None
            job.attempts.append(attempt)
            if not self._closed:
                self._end(job, attempt, timed_out=timed_out)
                self._start_what_fits()

    def _begin(self, job: Job) -> Attempt:
        task = uuid4().hex
        name = job.definition.request.job_definition_name
        job.current = Attempt(log_stream=f"{name}/default/{task}", task=task)
        return job.current

    def _run(self, job: Job, attempt: Attempt) -> bool:
        """Run the container to its end; whether that was its time-out."""
        image = job.properties.image
        if image.startswith(MISSING):
            attempt.status_reason = jobs.NOT_STARTED
            attempt.reason = (
                f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {image}: not found"
            )
            return False
        container = self._container(job, attempt)
        try:
            with self.lock:
                if self._closed:
                    return False
                job.container = container
                attempt.started = jobs.now()
                doomed = job.terminated
                job.move(Status.RUNNING, job.status_reason if doomed else None)
            if doomed:
                container.stop(self._around.grace)
            code = container.wait(job.timeout.attempt_duration_seconds if job.timeout else None)
            timed_out = code is None
            if timed_out:
                container.stop(self._around.grace)
            attempt.exit_code = container.wait(None)
        finally:
            container.remove()
        attempt.status_reason = jobs.TIMED_OUT if timed_out else jobs.EXITED
        if attempt.exit_code == _SIGKILLED and not (timed_out or job.terminated):
            attempt.reason = jobs.OUT_OF_MEMORY  # nobody else kills a container so
        return timed_out

    def _end(self, job: Job, attempt: Attempt, *, timed_out: bool) -> None:
        if job.terminated:
            attempt.status_reason = job.status_reason
            job.move(Status.FAILED, job.status_reason)
        elif attempt.exit_code == 0 and not timed_out:
            job.move(Status.SUCCEEDED, attempt.status_reason)
        elif not timed_out and jobs.is_tried_again(job.retries, len(job.attempts), attempt):
            job.move(Status.RUNNABLE, attempt.status_reason)
            self._waiting.append(job)
            return
        else:
            job.move(Status.FAILED, attempt.status_reason)
        self._settle(job)

    def _settle(self, job: Job) -> None:
        """An array ends with the last of its children."""
        parent = job.parent
        if parent is None or parent.counts[Status.SUCCEEDED] + parent.counts[Status.FAILED] < len(parent.children):
            return
        if parent.counts[Status.FAILED]:
            ended = parent.cancelled or parent.terminated
            parent.move(Status.FAILED, parent.status_reason if ended else jobs.CHILD_FAILED)
        else:
            parent.move(Status.SUCCEEDED)

    def _container(self, job: Job, attempt: Attempt) -> Container:
        log = self._around.folder / "logs" / f"{attempt.log_stream}.log"
        log.parent.mkdir(parents=True, exist_ok=True)

        def keep(line: str) -> None:
            with self._log_lock, suppress(OSError), log.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self._around.on_log(line)

        folder = self._around.folder / "tasks" / attempt.task
        return Container(self._around.entry(job.command), self._environment(job), folder, keep)

    def _environment(self, job: Job) -> dict[str, str]:
        """What a job finds in Batch, and nothing of this machine's own variables."""
        array = {}
        if job.parent:
            array = {
                "AWS_BATCH_JOB_ARRAY_INDEX": str(job.index),
                "AWS_BATCH_JOB_ARRAY_SIZE": str(len(job.parent.children)),
            }
        return {
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "HOME": "{tmp}",
            "TMPDIR": "{tmp}",
            "WORK_DIR": "{tmp}",
            "PYTHONUNBUFFERED": "1",
            **self._around.environment,
            **{pair.name: pair.value for pair in job.properties.environment},
            "AWS_BATCH_CE_NAME": "local",
            "AWS_BATCH_JQ_NAME": job.queue,
            "AWS_BATCH_JOB_ID": job.job_id,
            "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
            **array,
        }

    def _tell(self) -> None:
        while (event := self._events.get()) is not None:
            if self._closed:
                continue
            try:
                self._around.on_event(event)
            except Exception:
                _logger.exception("A state change of %s was told to nobody", event["resources"])
