"""Batch's scheduler: jobs wait for vCPUs, run, are retried, cancelled and terminated.

https://docs.aws.amazon.com/batch/latest/userguide/job_states.html
"""

import logging
import queue
import threading
from typing import Any

from localcloud.batch import job as jobs
from localcloud.batch.attempts import ComputeEnvironment, run_attempt
from localcloud.batch.container import Container
from localcloud.batch.descriptions import state_change_event
from localcloud.batch.job import Attempt, Job, Status
from localcloud.batch.retries import should_retry

_logger = logging.getLogger(__name__)


class Scheduler:
    """Runs jobs in the order of their submission, within the environment's `max_vcpus`."""

    def __init__(self, environment: ComputeEnvironment) -> None:
        self._environment = environment
        self.lock = threading.RLock()
        self._waiting: list[Job] = []
        self._running: set[Job] = set()
        self._threads: set[threading.Thread] = set()
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._event_thread = threading.Thread(target=self._deliver_events, daemon=True)
        self._event_thread.start()

    def publish(self, job: Job) -> None:
        """Queue the event of a job's state change."""
        self._events.put(state_change_event(job))

    def add(self, job: Job) -> None:
        """Queue a single job, or an array job with its children."""
        with self.lock:
            for child in job.children:
                child.move(Status.PENDING)
            for single in job.children or [job]:
                single.move(Status.RUNNABLE)
                self._waiting.append(single)
            if job.children:
                job.move(Status.PENDING)
            self._start_waiting_jobs()

    def cancel(self, job: Job, reason: str) -> None:
        """Fail the job, or those children, that have not reached STARTING; running ones go on."""
        with self.lock:
            self._fail_waiting(job, reason)
            self._start_waiting_jobs()

    def terminate(self, job: Job, reason: str) -> None:
        """Fail the job in any state. Returns before a running container has stopped."""
        with self.lock:
            for single in (*job.children, job):
                single.terminated |= not single.status.is_final
            running = [single for single in job.children or [job] if single in self._running]
            for single in running:
                single.status_reason = reason
            self._fail_waiting(job, reason)
            self._start_waiting_jobs()
        for single in running:
            if single.container:
                self._stop(single.container)

    def close(self) -> None:
        """Kill every container; send no further events."""
        with self.lock:
            self._closed = True
            self._waiting.clear()
            containers = [job.container for job in self._running if job.container]
            threads = list(self._threads)
        for container in containers:
            container.stop(0)
        for thread in threads:
            thread.join(timeout=10)
        self._events.put(None)
        self._event_thread.join(timeout=10)

    def _fail_waiting(self, job: Job, reason: str) -> None:
        selected = set(job.children or [job])
        waiting = [single for single in self._waiting if single in selected]
        self._waiting = [single for single in self._waiting if single not in selected]
        if job.children and not job.status.is_final:
            job.cancelled, job.status_reason = not job.terminated, reason
        for single in waiting:
            single.cancelled = not single.terminated
            single.move(Status.FAILED, reason)
            self._finish_array(single)

    def _start_waiting_jobs(self) -> None:
        """In order of submission, so that small jobs cannot overtake a large one for ever."""
        max_vcpus = self._environment.max_vcpus
        for job in list(self._waiting):
            if job.properties.vcpus > max_vcpus:
                job.status_reason = jobs.TOO_LARGE
                continue
            used = sum(other.properties.vcpus for other in self._running)
            if self._closed or used + job.properties.vcpus > max_vcpus:
                return
            self._waiting.remove(job)
            self._running.add(job)
            job.move(Status.STARTING)
            thread = threading.Thread(target=self._run, args=(job,), daemon=True)
            self._threads.add(thread)
            thread.start()

    def _run(self, job: Job) -> None:
        attempt, timed_out = run_attempt(job, self._environment, self._enter_running)
        with self.lock:
            self._threads.discard(threading.current_thread())
            self._running.discard(job)
            job.container = job.current = None
            job.attempts.append(attempt)
            if not self._closed:
                self._finish(job, attempt, timed_out=timed_out)
                self._start_waiting_jobs()

    def _enter_running(self, job: Job, attempt: Attempt, container: Container) -> bool:
        """Whether the container may run on; False while the scheduler closes."""
        with self.lock:
            if self._closed:
                return False
            job.container = container
            attempt.started = jobs.now()
            job.move(Status.RUNNING, job.status_reason if job.terminated else None)
            if job.terminated:
                self._stop(container)
            return True

    def _stop(self, container: Container) -> None:
        """In a thread: a container has `grace` seconds to end."""
        threading.Thread(target=container.stop, args=(self._environment.grace,), daemon=True).start()

    def _finish(self, job: Job, attempt: Attempt, *, timed_out: bool) -> None:
        """Enter the final state, or RUNNABLE if the job is retried."""
        if job.terminated:
            attempt.status_reason = job.status_reason
            job.move(Status.FAILED, job.status_reason)
        elif attempt.exit_code == 0 and not timed_out:
            job.move(Status.SUCCEEDED, attempt.status_reason)
        elif not timed_out and should_retry(job.retry_strategy, len(job.attempts), attempt):
            job.move(Status.RUNNABLE, attempt.status_reason)
            self._waiting.append(job)
            return
        else:
            job.move(Status.FAILED, attempt.status_reason)
        self._finish_array(job)

    def _finish_array(self, child: Job) -> None:
        """End the array job if this was its last child."""
        parent = child.parent
        if parent is None or parent.counts[Status.SUCCEEDED] + parent.counts[Status.FAILED] < len(parent.children):
            return
        if parent.counts[Status.FAILED]:
            ended_by_request = parent.cancelled or parent.terminated
            parent.move(Status.FAILED, parent.status_reason if ended_by_request else jobs.CHILD_FAILED)
        else:
            parent.move(Status.SUCCEEDED)

    def _deliver_events(self) -> None:
        while (event := self._events.get()) is not None:
            if self._closed:
                continue
            try:
                self._environment.on_event(event)
            except Exception:
                _logger.exception("The state change of %s was not delivered", event["resources"])
