"""The state machine of test_state_machine.py with a Kafka topic and an overflow queue.

Batches are delivered twice, in part and concurrently, and are killed. Every record that was accepted has exactly one
result; every record that was refused leaves exactly one document.
"""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from core.domain import object_keys
from core.domain.errors import Code, PicturePerfectError, Refusal
from core.domain.model import HandOver, Outcome, Result, Value
from core.services.intake.kafka_batch import KafkaBatchProcessor, RecordEnding, RefusedRecord
from handler import kafka
from tests.protocol.scheduler import Process, Serial
from tests.protocol.stepped_machine import STEPS, machine_settings, timeout
from tests.protocol.test_state_machine import UPLOADS, Direct, Protocol, Upload, _sha256
from tests.support.aws.kafka_events import batch, handed_over, record
from tests.support.fakes.ports import Died, FakeHandovers
from tests.support.services import kafka_batch_processor

pytestmark = timeout

_UPLOAD = next(iter(UPLOADS))
SHARED = b"a shared photo"


class Streamed(Value, frozen=True):
    """A record of the topic; `content` is the image that it carries or refers to."""

    offset: int
    content: bytes
    value: bytes
    customer: str | None = "acme"
    idempotency_key: str | None = None

    @property
    def raw(self) -> dict[str, Any]:
        return record(
            self.value, self.offset, customer_id=self.customer, idempotency_key=self.idempotency_key, pipeline="web"
        )


def _reference(place: str) -> bytes:
    return json.dumps({"s3": place}).encode()


RECORDS = [
    Streamed(0, b"streamed", b"streamed"),
    Streamed(1, b"!large", b"!large"),
    Streamed(2, b"!corrupt_image", b"!corrupt_image"),
    Streamed(3, b"red", b"red", idempotency_key="one"),
    Streamed(4, b"!large blue", b"!large blue", idempotency_key="one"),
    Streamed(5, UPLOADS[_UPLOAD], _reference(f"s3://home/{_UPLOAD}")),
    Streamed(6, SHARED, _reference("s3://shared/acme/a")),
    Streamed(7, b"nobody's", b"nobody's", customer=None),
    Streamed(8, b"", _reference("s3://home/originals/globex/1/a")),
]


class KafkaProtocol(Protocol):
    def __init__(self) -> None:
        super().__init__()
        self.overflow = FakeHandovers(self.scheduler.around)
        self.store.put("acme/a", SHARED, bucket="shared")
        self.records: list[Streamed] = []
        self.sent: set[Streamed] = set()
        self.refused: set[Streamed] = set()
        self.batches: list[tuple[list[Streamed], Process]] = []
        self.runs: list[Process] = []

    # Rules

    @initialize(records=st.lists(st.sampled_from(RECORDS), min_size=1, max_size=4, unique=True))
    def some_records_are_there(self, records: list[Streamed]) -> None:
        self.records = sorted(records, key=lambda one: one.offset)

    @rule(first=st.integers(0, 3), count=st.integers(1, 4), machine=st.sampled_from(["", "avx512"]), head_start=STEPS)
    def a_batch_is_delivered(self, first: int, count: int, machine: str, head_start: int) -> None:
        first %= len(self.records)
        records = self.records[first : first + count]

        def work(process: Process) -> list[RecordEnding]:
            service = self._kafka_batches(machine, process.threads)
            return service.process(kafka.records(batch(*(one.raw for one in records))), 60)

        process = self.start(f"batch of {[one.offset for one in records]}", work)
        if process:
            self.sent.update(records)
            self.batches.append((records, process))
            self._go_on(process, head_start)

    @precondition(lambda self: self.overflow.waiting)
    @rule(index=st.integers(0, 9), again=st.booleans(), head_start=STEPS)
    def a_job_that_was_handed_over_is_run(self, index: int, again: bool, head_start: int) -> None:
        def work(process: Process) -> Outcome | None:
            if not self.overflow.waiting:
                return None
            body = self.overflow.waiting.pop(index % len(self.overflow.waiting))
            if again:
                self.overflow.waiting.append(body)  # delivered at least once
            try:
                return self._processor("", process.threads).process(handed_over(body))
            except BaseException:
                self.overflow.waiting.append(body)  # not deleted: it is delivered again
                raise

        process = self.start("overflow", work)
        if process:
            self.runs.append(process)
            self._go_on(process, head_start)

    # Invariants

    def what_always_holds(self) -> None:
        super().what_always_holds()
        refused = Counter(
            key.rpartition("-")[0] for key, _ in self.store.created if key.startswith(object_keys.REFUSED)
        )
        assert all(count == 1 for count in refused.values()), "A refusal was written twice."
        assert len(self.metrics.refused) <= len(refused), "A refusal was counted twice."
        results = self._results()
        for records, process in self.batches:
            if process.ended and isinstance(process.error, Died):
                continue
            if process.ended:
                assert process.error is None, process.error
                for one, ending in zip(records, process.outcome, strict=True):
                    self._was_told_right(one, ending, results)
        for process in self.runs:
            if process.ended and process.outcome is not None:
                assert process.outcome.result == results[process.outcome.result.image_id]

    def _was_told_right(self, one: Streamed, ending: RecordEnding, results: dict[str, Result]) -> None:
        match ending.outcome:
            case Outcome(result=result):
                assert result == results[result.image_id], "Another result than the one that stands."
                assert self._brings(one, result), "A conflict was called done."
            case HandOver(job=job):
                waits = any(handed_over(body) == job for body in self.overflow.waiting)
                under_way = any(not process.ended for process in self.runs)
                assert waits or under_way or job.image_id in results, "What was handed over is lost."
            case RefusedRecord(key=key):
                assert key in self.store.contents(object_keys.REFUSED)
            case error:
                assert isinstance(error, PicturePerfectError), error
                assert not isinstance(error, Refusal)

    def _what_holds_in_the_end(self, answers: dict[Any, Outcome | PicturePerfectError]) -> None:
        super()._what_holds_in_the_end(answers)
        documents = Counter(
            key.rpartition("/")[2].partition("-")[0] for key in self.store.contents(object_keys.REFUSED)
        )
        assert documents == {str(one.offset): 1 for one in self.refused}, "Refused without a document, or accepted too."
        if not self.interruptions and not self.scheduler.kills:
            assert len(self.metrics.refused) == len(self.refused), "A refusal was not counted."

    # Helpers

    def _answers(self) -> dict[Any, Outcome | PicturePerfectError]:
        """Deliver every event again, and process every image that was handed over."""
        self.refused.clear()
        for one in self.sent:
            self.delivered.pop(one, None)
        answers = super()._answers()
        for one in sorted(self.sent, key=lambda one: one.offset):
            answer = self._ends(one)
            if not isinstance(answer, Refusal):
                answers[one], self.delivered[one] = answer, answer.result.image_id
            elif answer.code is Code.IDENTITY_CONFLICT:
                answers[one], self.delivered[one] = answer, self._image_id(Direct(one.idempotency_key, b""))
        self._run_all()
        return answers

    def _ends(self, one: Streamed) -> Outcome | Refusal:
        """The final outcome of a record."""
        for _ in range(2):
            (ending,) = self._kafka_batches("", Serial).process(kafka.records(batch(one.raw)), 60)
            match ending.outcome:
                case Outcome() as outcome:
                    return outcome
                case RefusedRecord(code=code, message=message):
                    self.refused.add(one)
                    return Refusal(code, message)
                case HandOver():
                    self._run_all()
        raise AssertionError(ending)

    def _run_all(self) -> None:
        while self.overflow.waiting:
            self._processor("", Serial).process(handed_over(self.overflow.waiting.pop()))

    def _brings(self, delivery: Any, result: Result) -> bool:
        if not isinstance(delivery, Streamed):
            return super()._brings(delivery, result)
        return result.code is Code.SOURCE_MISSING or result.source.sha256 == _sha256(delivery.content)

    def _may_be_missing(self, result: Result) -> bool:
        """A record that refers to an upload may be delivered after the upload's result, when its source has moved."""
        return result.source.object.key == _UPLOAD and self._image_id(Upload(_UPLOAD)) in self._results()

    def _kafka_batches(self, machine: str, threads: Any) -> KafkaBatchProcessor:
        batches = kafka_batch_processor(self._processor(machine, threads), self.overflow)
        return replace(batches, threads=lambda _: threads())


TestKafkaProtocol = KafkaProtocol.TestCase
TestKafkaProtocol.settings = machine_settings(120, 1000)
