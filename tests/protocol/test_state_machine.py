"""Hypothesis looks for an interleaving of deliveries, recorders, kills and lost answers that breaks the promises.

Every effect on the store, the queue, the metrics, the worker and the ledger is a step of its own (tests/support/fakes,
scheduler.py). Hypothesis chooses the thread of the next step, and the step's outcome. `make test` runs a small number
of histories; `make test-protocol` runs many, for minutes.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, PicturePerfectError, Refusal
from core.domain.model import ImageFormat, Outcome, Result, Route, Tombstone, Value
from core.domain.outputs import Output
from core.pipelines.definition import Pipeline, RenditionSpec
from core.routing.plan import Limits
from core.services.intake.requests import accept_bytes, accept_reference, read_request
from core.services.processing.process import ImageProcessor
from core.services.recorder import Recorder
from handler import events
from tests.protocol.scheduler import Process, Serial
from tests.protocol.stepped_machine import STEPS, SteppedMachine, machine_settings, timeout
from tests.support.fakes.ports import Died, FakeAnnouncements, FakeLedger, FakeMetrics, FakeStore
from tests.support.fakes.worker import FakeWorker
from tests.support.services import result_committer

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
PIPELINE = Pipeline(
    name="web",
    renditions=(
        RenditionSpec(name="small", outputs=(Output(format=ImageFormat.JPEG),)),
        RenditionSpec(name="large", outputs=(Output(format=ImageFormat.WEBP),)),
    ),
)
UPLOADS = {"incoming/acme/web/u0/a b+ü.jpg": b"a photo", "incoming/acme/web/u1/text.jpg": b"!corrupt_image"}


class Upload(Value, frozen=True):
    """S3's notification of an upload."""

    key: str


class Reference(Value, frozen=True):
    """A direct invoke that names an upload."""

    key: str


class Direct(Value, frozen=True):
    """A direct invoke that carries its image."""

    idempotency_key: str | None
    body: bytes


Delivery = Upload | Reference | Direct
_UPLOADS = [Upload(key) for key in UPLOADS]
#: The deliveries of each image, including those of other content under its id. A history has one or two images.
IMAGES: list[tuple[Delivery, ...]] = [
    (Direct("one", b"red"), Direct("one", b"blue")),
    (_UPLOADS[0], Reference(_UPLOADS[0].key)),
    (_UPLOADS[1],),
    (Direct("two", b"green"), Direct("two", b"!operation_failed")),
    (Direct(None, b"red"),),
]


class Protocol(SteppedMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = FakeStore("home", self.scheduler.around)
        self.queue = FakeAnnouncements(self.scheduler.around)
        self.metrics = FakeMetrics(self.scheduler.around)
        self.ledger = FakeLedger(self.scheduler.around)
        self.deliveries: list[Delivery] = []
        self.delivered: dict[Any, str] = {}
        self.uploads = {key: self.store.put(key, body) for key, body in UPLOADS.items()}
        self.store.listeners.append(self._notify)
        self.deliveries_started: list[tuple[Delivery, Process]] = []

    def _notify(self, key: str) -> None:
        if key.startswith((object_keys.RESULTS, object_keys.TOMBSTONES)):
            self.queue.waiting.append(key)

    # Rules

    @initialize(images=st.lists(st.sampled_from(IMAGES), min_size=1, max_size=2, unique=True))
    def some_images_are_there(self, images: list[tuple[Delivery, ...]]) -> None:
        self.deliveries = [delivery for image in images for delivery in image]

    @rule(pick=st.integers(0, 3), machine=st.sampled_from(["", "avx512"]), head_start=STEPS)
    def an_event_is_delivered(self, pick: int, machine: str, head_start: int) -> None:
        delivery = self.deliveries[pick % len(self.deliveries)]

        def work(process: Process) -> Outcome:
            return self._deliver(delivery, self._processor(machine, process.threads))

        process = self.start(f"process {delivery}", work)
        if process:
            self.delivered[delivery] = self._image_id(delivery)
            self.deliveries_started.append((delivery, process))
            self._go_on(process, head_start)

    @precondition(lambda self: self.queue.waiting)
    @rule(picks=st.lists(st.integers(0, 9), min_size=1, max_size=3), head_start=STEPS)
    def a_recorder_takes_messages(self, picks: list[int], head_start: int) -> None:
        indices = list(dict.fromkeys(pick % len(self.queue.waiting) for pick in picks))
        messages = self.queue.take(indices)

        def work(process: Process) -> None:
            left = messages
            try:
                left = list(self._recording(process.threads).record(messages))
            finally:
                self.queue.waiting.extend(left)

        process = self.scheduler.spawn("record", work)
        self._go_on(process, head_start)

    @precondition(lambda self: self.queue.waiting)
    @rule(index=st.integers(0, 9), doubled=st.booleans())
    def a_message_is_lost_or_doubled(self, index: int, doubled: bool) -> None:
        (self.queue.double if doubled else self.queue.drop)(index % len(self.queue.waiting))

    @rule(pick=st.integers(0, 3))
    def an_erasure_is_asked_for(self, pick: int) -> None:
        delivery = self.deliveries[pick % len(self.deliveries)]
        tombstone = Tombstone(image_id=self._image_id(delivery), customer="acme", requested_at=NOW)
        self.store._create(tombstone.key, msgspec.json.encode(tombstone), None)

    @rule()
    def everything_is_replayed(self) -> None:
        self.start("replay", lambda process: self._recording(process.threads).replay())

    def after_step(self) -> None:
        self.what_always_holds()

    def check_end(self) -> None:
        """Deliver all events again, replay all results, and check the end of the history."""
        self.what_always_holds()
        answers = self._answers()
        self._recording(Serial).record(self.queue.take(range(len(self.queue.waiting))))
        failures = self._recording(Serial).replay()
        assert not failures
        self.what_always_holds()
        self._what_holds_in_the_end(answers)

    # Invariants

    @invariant()
    def what_always_holds(self) -> None:
        contents, results = self.store.contents(), self._results()
        written = Counter(key for key, _ in self.store.created if key.startswith(object_keys.RESULTS))
        assert all(count == 1 for count in written.values()), "A result was written twice."
        counted = Counter((result.image_id, result.run) for result in self.metrics.emitted)
        assert all(count == 1 for count in counted.values()), "An image was counted twice."
        for result in self.metrics.emitted:
            assert results[result.image_id].token == result.token, "A delivery that lost the commit race was counted."
        for result in results.values():
            assert result.code is not Code.SOURCE_MISSING or self._may_be_missing(result), (
                "A source was gone before its image had ended."
            )
            if not self._is_erased(result.image_id) and self._is_kept(result):
                self._is_whole(result, contents)
        for image, row in self.ledger.images.items():
            assert row["status"] == results[image].status, "A row is not of the committed result."
        for key, ref in self.uploads.items():
            if self._image_id(Upload(key)) not in results:
                assert contents.get(key) == UPLOADS[key], f"{ref} was lost before its image had ended."
        self._nobody_was_told_wrong(results)

    def _is_whole(self, result: Result, contents: dict[str, bytes]) -> None:
        for rendition in result.renditions:
            assert _sha256(contents.get(rendition.key, b"")) == rendition.sha256, f"{rendition.key} is not there."
        archived = contents.get(result.archive_key)
        if archived is None:
            waiting = contents.get(result.source.object.key)
            assert waiting is not None, f"The source of {result.image_id} is lost."
            archived = waiting
        assert _sha256(archived) == result.source.sha256, f"The source of {result.image_id} is another's."

    def _nobody_was_told_wrong(self, results: dict[str, Result]) -> None:
        for delivery, process in self.deliveries_started:
            if not process.ended:
                continue
            assert isinstance(process.error, PicturePerfectError | Died | None), process.error
            if process.error is None:
                outcome: Outcome = process.outcome
                assert outcome.result == results[self.delivered[delivery]], "Another result than the one that stands."
                assert self._brings(delivery, outcome.result), "A conflict was called done."

    def _what_holds_in_the_end(self, answers: dict[Any, Outcome | PicturePerfectError]) -> None:
        contents, results = self.store.contents(), self._results()
        assert set(results) == set(self.delivered.values()), "Not every image has ended."
        assert set(self.ledger.images) == set(results), "Not every image has its row."
        assert set(keys_ := self.store.contents(object_keys.INCOMING)) == {
            key for key in self.uploads if self._image_id(Upload(key)) not in results
        }, f"Left behind: {list(keys_)}"
        for delivery, answer in answers.items():
            result = results[self.delivered[delivery]]
            if self._brings(delivery, result):
                assert isinstance(answer, Outcome), f"{delivery} was refused: {answer}"
                assert answer.result == result
            else:
                assert isinstance(answer, Refusal)
                assert answer.code is Code.IDENTITY_CONFLICT
        for image, result in results.items():
            rows, row = self.ledger.renditions[image], self.ledger.images[image]
            if self._is_erased(image):
                assert not rows, "An erased image has renditions."
                assert row["erased_at"] == NOW
                left = [
                    key
                    for place in object_keys.erasable_prefixes("acme", image)
                    for key in contents
                    if key.startswith(place)
                ]
                assert not left, f"An erasure left {left}."
                hidden = [place for place in object_keys.erasable_prefixes("acme", image) if self.store.hidden(place)]
                assert not hidden, f"An erasure left what is hidden under {hidden}."
            else:
                assert set(rows.values()) == {rendition.key for rendition in result.renditions}
                assert row["erased_at"] is None
                assert result.archive_key in contents or not self._is_kept(result)
        if not self.interruptions and not self.scheduler.kills:
            assert len(self.metrics.emitted) == len(results), "An image was not counted."

    # Helpers

    def _processor(self, machine: str, threads: Callable[[], Any]) -> ImageProcessor:
        return ImageProcessor(
            committer=result_committer(self.store, self.metrics),
            announcements=self.queue,
            worker=FakeWorker(self.scheduler.around, machine),
            pipelines={"web": PIPELINE},
            limits=Limits(max_megapixels=100, max_bytes=1000),
            route=Route.LAMBDA,
            public_base_url="https://images.example",
            work_dir=self.work_dir,
            timeout_seconds=60,
            threads=threads,
        )

    def _recording(self, threads: Callable[[], Any]) -> Recorder:
        return Recorder(store=self.store, ledger=self.ledger, threads=threads)

    def _deliver(self, delivery: Delivery, processor: ImageProcessor) -> Outcome:
        match delivery:
            case Upload(key):
                (job,) = map(events.accept_upload, events.s3_records(self._notification(key)))
                assert job is not None
                return processor.process(job)
            case Reference(key):
                request = read_request({"customer": "acme", "pipeline": "web", "s3": f"s3://home/{key}"})
                return processor.process(accept_reference(request, processor.committer.store, (), NOW))
            case Direct(idempotency_key, body):
                return processor.process(*accept_bytes(_request(idempotency_key, body), "home", NOW))

    def _answers(self) -> dict[Any, Outcome | PicturePerfectError]:
        return {delivery: self._answer(delivery) for delivery in self.delivered}

    def _answer(self, delivery: Delivery) -> Outcome | PicturePerfectError:
        """The final answer to a caller, or to S3, that tries again until there is one."""
        try:
            return self._deliver(delivery, self._processor("", Serial))
        except Refusal as refusal:
            if isinstance(delivery, Reference) and refusal.code is Code.INVALID_REQUEST:
                return self._answer(Upload(delivery.key))  # it has a result, and its source has moved
            return refusal

    def _notification(self, key: str) -> dict[str, Any]:
        ref = self.uploads[key]
        place = {"bucket": {"name": "home"}, "object": {"key": key.replace(" ", "%20").replace("+", "%2B")}}
        place["object"] |= {"eTag": str(ref.etag), "versionId": str(ref.version)}
        return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Post", "s3": place}]}

    def _image_id(self, delivery: Delivery) -> str:
        if isinstance(delivery, Direct):
            return accept_bytes(_request(delivery.idempotency_key, delivery.body), "home", NOW)[0].image_id
        (job,) = map(events.accept_upload, events.s3_records(self._notification(delivery.key)))
        assert job is not None
        return job.image_id

    def _results(self) -> dict[str, Result]:
        results = [
            stored_documents.decode_result(body, key) for key, body in self.store.contents(object_keys.RESULTS).items()
        ]
        return {result.image_id: result for result in results}

    def _brings(self, delivery: Any, result: Result) -> bool:
        """Whether the delivery has the content of this result."""
        return result.source.sha256 == _sha256(_content(delivery))

    def _is_kept(self, result: Result) -> bool:
        """Whether its source is in the home bucket."""
        return result.source.object.bucket == "home" and result.code is not Code.SOURCE_MISSING

    def _may_be_missing(self, _result: Result) -> bool:
        return False

    def _is_erased(self, image: str) -> bool:
        return f"tombstones/acme/{image}.json" in self.store.contents(object_keys.TOMBSTONES)


def _request(idempotency_key: str | None, body: bytes) -> Any:
    event = {"customer": "acme", "pipeline": "web", "image": b64encode(body).decode()}
    return read_request(event | ({"idempotency_key": idempotency_key} if idempotency_key else {}))


def _content(delivery: Delivery) -> bytes:
    return delivery.body if isinstance(delivery, Direct) else UPLOADS[delivery.key]


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


pytestmark = timeout

TestProtocol = Protocol.TestCase
TestProtocol.settings = machine_settings(250, 2500)
