"""Hypothesis looks for an interleaving that leaves an image on its way through Batch without exactly one result.

It interleaves functions, dispatchers, Batch children, state changes and reconcilers, kills them, loses answers and
duplicates messages.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from core.domain import object_keys
from core.domain.errors import Code, PicturePerfectError
from core.domain.model import ImageJob, ObjectRef, Status
from core.services.dispatch.array_child import read_share
from core.services.dispatch.job_events import FailureCause
from core.services.reconciler import Reconciler, RoundSummary
from tests.protocol.scheduler import Process, Serial
from tests.protocol.stepped_machine import STEPS, SteppedMachine, machine_settings, timeout
from tests.support.aws.dispatch_world import Dispatch, estimate
from tests.support.aws.lambda_failures import gave_up
from tests.support.fakes.batch import state_change
from tests.support.fakes.ports import Died
from tests.support.services import s3_event

pytestmark = timeout

BODIES = [b"a photo", b"!corrupt_image", b"!out_of_memory", b"another photo"]
#: Codes that are committed without a worker's answer.
COMMITTED_BY_DISPATCHER = {
    Code.OUT_OF_MEMORY,
    Code.TIMED_OUT,
    Code.CANCELLED,
    Code.NOT_STARTED,
    Code.WORKER_CRASHED,
    Code.ABANDONED,
}


class DispatchProtocol(SteppedMachine):
    def __init__(self) -> None:
        super().__init__()
        self.dispatch = Dispatch(self.work_dir, self.scheduler.around)
        self.store = self.dispatch.store
        self.messages: list[str] = []  # in the overflow queue
        self.images: dict[str, bytes] = {}
        self.jobs: dict[str, ImageJob] = {}
        self.store.listeners.append(self._notify)
        self.state_changes = 0

    # Rules

    @initialize(bodies=st.lists(st.sampled_from(BODIES), min_size=1, max_size=4), seconds=st.sampled_from([1.0, 200.0]))
    def some_images_were_handed_over(self, bodies: list[bytes], seconds: float) -> None:
        for number, body in enumerate(bodies):
            image = self.dispatch.image(body, estimate=estimate(seconds), tier="1x2" if number % 2 else "")
            self.images[image.job.image_id], self.jobs[image.job.image_id] = body, image.job
            event = gave_up(s3_event(image.job.source))
            self.messages += [msgspec.json.encode(image).decode(), event][: 1 + number % 2]

    @precondition(lambda self: self.messages)
    @rule(picks=st.lists(st.integers(0, 9), min_size=1, max_size=4), again=st.booleans(), head_start=STEPS)
    def messages_are_delivered(self, picks: list[int], again: bool, head_start: int) -> None:
        bodies = [self.messages[index] for index in dict.fromkeys(pick % len(self.messages) for pick in picks)]

        def work(process: Process) -> None:
            left = bodies
            try:
                left = self.dispatch.deliver(*bodies, dispatcher=self.dispatch.make_dispatcher(process.threads))
            finally:
                self.messages += left

        process = self.start("dispatch", work)
        if process:
            for body in bodies if not again else []:
                self.messages.remove(body)
            self._go_on(process, head_start)

    @precondition(lambda self: self.dispatch.jobs.submitted)
    @rule(pick=st.integers(0, 9), index=st.integers(0, 3), head_start=STEPS)
    def a_child_runs(self, pick: int, index: int, head_start: int) -> None:
        """A child may run twice, and after its state change: Batch may report a failure before the child ends."""
        job = self.dispatch.jobs.submitted[pick % len(self.dispatch.jobs.submitted)]

        def work(process: Process) -> None:
            share = read_share(job.key, self.store, {"AWS_BATCH_JOB_ARRAY_INDEX": str(index % job.size)})
            self.dispatch.child(process.threads).process(share, 0)

        self.start("batch", work, head_start)

    @precondition(lambda self: self.dispatch.jobs.submitted)
    @rule(pick=st.integers(0, 9), index=st.integers(0, 3), whole=st.booleans(), cause=st.sampled_from(FailureCause))
    def batch_says_that_a_job_failed(self, pick: int, index: int, whole: bool, cause: FailureCause) -> None:
        if self.state_changes >= 8:
            return
        self.state_changes += 1
        job = self.dispatch.jobs.submitted[pick % len(self.dispatch.jobs.submitted)]
        is_parent = whole and job.size > 1
        self.messages.append(state_change(job, cause, self.dispatch.clock.now, None if is_parent else index % job.size))

    @precondition(lambda self: self.images)
    @rule(pick=st.integers(0, 3), head_start=STEPS)
    def the_door_gets_its_event_again(self, pick: int, head_start: int) -> None:
        image = list(self.images)[pick % len(self.images)]

        def work(process: Process) -> None:
            replace(self.dispatch.world.processor, threads=process.threads).process(self.jobs[image])

        self.start("process", work, head_start)

    @rule(head_start=STEPS)
    def a_reconciler_makes_its_round(self, head_start: int) -> None:
        self.start("reconcile", lambda process: self._reconcile(process.threads), head_start)

    @precondition(lambda self: self.messages)
    @rule(index=st.integers(0, 9))
    def a_message_is_doubled(self, index: int) -> None:
        if len(self.messages) < 20:
            self.messages.append(self.messages[index % len(self.messages)])

    @rule(minutes=st.sampled_from([1, 6, 11, 800, 1500]))
    def time_goes_by(self, minutes: int) -> None:
        self.dispatch.clock.wait(minutes=minutes)

    def after_step(self) -> None:
        self._send_what_was_handed_over()

    def check_end(self) -> None:
        """Deliver all messages, run all jobs and the reconciler, until every image has a result."""
        self._send_what_was_handed_over()
        for _ in range(20):
            if self._is_quiet():
                break
            self.dispatch.clock.wait(hours=25)
            self._reconcile(Serial)
            self._send_what_was_handed_over()
            self.messages = self.dispatch.deliver(*self.messages) if self.messages else []
            for job in list(self.dispatch.jobs.submitted):
                for index in range(job.size):
                    self.dispatch.run(job, index)
            self._send_what_was_handed_over()
        self.what_always_holds()
        assert not self.messages, "A message comes for ever."
        assert set(self.dispatch.results()) == set(self.images), "Not every image has ended."
        if not self.interruptions and not self.scheduler.kills:
            assert len(self.dispatch.metrics.emitted) == len(self.images), "An image was not counted."

    # Invariants

    @invariant()
    def what_always_holds(self) -> None:
        written = Counter(
            key for key, _ in self.store.created if key.startswith((object_keys.RESULTS, object_keys.DISPATCHED))
        )
        assert all(count == 1 for count in written.values()), "A result, or a lease, was written twice."
        results = self.dispatch.results()
        counted = Counter(result.image_id for result in self.dispatch.metrics.emitted)
        assert all(count == 1 for count in counted.values()), "An image was counted twice."
        for result in self.dispatch.metrics.emitted:
            assert results[result.image_id].token == result.token, "Another than the winner counted."
        for result in results.values():
            body = self.images[result.image_id]
            if result.status is Status.PROCESSED:
                assert not body.startswith(b"!")
            else:
                assert result.code in COMMITTED_BY_DISPATCHER or (
                    body.startswith(b"!") and result.code == body[1:].decode()
                )
        names = Counter(job.name for job in self.dispatch.jobs.submitted)
        assert all(count == 1 for count in names.values()), "One work was submitted twice."
        for process in self.scheduler.processes:
            if process.ended:
                assert isinstance(process.error, PicturePerfectError | Died | None), process.error

    # Helpers

    def _notify(self, key: str) -> None:
        if key.startswith(object_keys.RECONCILED):
            notification = s3_event(ObjectRef(bucket="home", key=key, version="v", etag="e"))
            self.messages.append(json.dumps(notification))

    def _send_what_was_handed_over(self) -> None:
        self.messages += self.dispatch.handed_over()

    def _is_quiet(self) -> bool:
        return not self.messages and set(self.dispatch.results()) == set(self.images)

    def _reconcile(self, threads: Callable[[], Any]) -> RoundSummary:
        return Reconciler(
            committer=self.dispatch.committer,
            min_age=timedelta(hours=12),
            max_hand_overs=3,
            now=self.dispatch.clock,
            threads=threads,
        ).reconcile()


TestDispatchProtocol = DispatchProtocol.TestCase
TestDispatchProtocol.settings = machine_settings(100, 1000)
