"""Process a batch of Kafka records: each record ends with a result, is handed over, or is refused with a document.

Lambda's event source mapping returns no answers to producers, and a record that fails blocks its partition. Hence a
record that cannot be accepted is written to `refused/`, and only a failure of S3 or SQS has a record delivered again.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from core.domain.errors import Code, Refusal
from core.domain.model import HandOver, Outcome, Value
from core.services.intake.accept import ImageAcceptor
from core.services.intake.kafka_records import Record
from core.services.intake.refusals import refuse_record
from core.services.processing.process import ImageProcessor

_THREADS = 2  # for each child process: requests to S3 for one record overlap with the pixels of another


class RefusedRecord(Value, frozen=True, kw_only=True):
    """A record that was not accepted: the refusal, and the key of its document."""

    code: Code
    message: str
    key: str


@dataclass(frozen=True)
class RecordEnding:
    """The outcome of one record. An exception: the record is to be delivered again."""

    record: Record
    outcome: Outcome | HandOver | RefusedRecord | Exception


@dataclass(frozen=True, kw_only=True)
class KafkaBatchProcessor:
    """Processes batches of records on all vCPUs."""

    #: With an overflow queue, for images that do not fit their share of the machine.
    processor: ImageProcessor
    acceptor: ImageAcceptor
    #: Whether the event source mapping takes partial batch responses (ReportBatchItemFailures).
    partial: bool
    threads: Callable[[int], Executor] = ThreadPoolExecutor

    def process(self, records: Sequence[Record], seconds: float) -> list[RecordEnding]:
        """Process all records within `seconds`; a failure of one record does not affect the others."""
        deadline = time.monotonic() + seconds
        with self.processor.worker.shared(len(records)) as children:
            concurrency = _THREADS * children
            with self.threads(concurrency) as threads:
                futures = [
                    threads.submit(self._process_record, record, deadline, number + concurrency < len(records))
                    for number, record in enumerate(records)
                ]
                return [future.result() for future in futures]

    def _process_record(self, record: Record, deadline: float, others_wait: bool) -> RecordEnding:
        try:
            return RecordEnding(record, self._process_or_refuse(record, deadline, others_wait))
        except Exception as error:  # noqa: BLE001 - one record's error must not end the batch; the handler reports it
            return RecordEnding(record, error)

    def _process_or_refuse(
        self, record: Record, deadline: float, others_wait: bool
    ) -> Outcome | HandOver | RefusedRecord:
        now = self.processor.committer.now
        try:
            image = self.acceptor.record(record, now())
            seconds = deadline - time.monotonic()
            if others_wait:
                seconds /= 2  # an image that takes all its time must leave some for the records after it
            return self.processor.process_or_hand_over(image.job, image.body, seconds)
        except Refusal as refusal:
            key = refuse_record(self.processor.committer, record, refusal, now())
            return RefusedRecord(code=refusal.code, message=refusal.message, key=key)
