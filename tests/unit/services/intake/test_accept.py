"""Images of failed Lambda events are accepted as handler.process accepts them, and their bytes staged."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from core.domain import object_keys
from core.domain.errors import Code, Refusal, Unavailable
from core.domain.model import Door
from core.services.intake.kafka_records import Record
from core.services.intake.requests import accept_bytes, read_request
from handler import kafka
from tests.support.aws.dispatch_world import Dispatch
from tests.support.aws.kafka_events import batch, record
from tests.support.values import NOW


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    return Dispatch(tmp_path)


def request(body: bytes, **more: Any) -> Any:
    return read_request({"customer": "acme", "pipeline": "web", "image": b64encode(body).decode(), **more})


def read(raw: dict[str, Any]) -> Record:
    (found,) = kafka.records(batch(raw))
    return found


def test_a_request_is_the_job_of_its_door_with_its_source_in_the_store(dispatch: Dispatch) -> None:
    asked = request(b"photo", filename="ü a+b.jpg")
    job = dispatch.stager.request(asked, NOW)
    assert job == accept_bytes(asked, "home", NOW)[0]
    stored = dispatch.store.head(job.source)
    assert stored
    assert stored.metadata["door"] == Door.DIRECT
    assert all(value.isascii() for value in stored.metadata.values())


def test_a_record_is_the_job_of_its_door(dispatch: Dispatch) -> None:
    """The job has the image id that `core.services.intake.kafka_batch` gave it, whose result exists."""
    one = read(record(b"photo", 3))
    (_ending,) = dispatch.world.kafka_batches.process([one], 60)
    dispatch.world.record()
    job = dispatch.stager.record(one, NOW)
    assert job
    assert set(dispatch.results()) == {job.image_id}
    assert dispatch.store.contents(object_keys.INCOMING) == {}


def test_another_content_is_a_conflict_whether_the_first_waits_or_has_ended(dispatch: Dispatch) -> None:
    job = dispatch.stager.request(request(b"red", idempotency_key="one"), NOW)
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            dispatch.stager.request(request(b"blue", idempotency_key="one"), NOW)
        assert caught.value.code is Code.IDENTITY_CONFLICT
        dispatch.world.processor.process(job)
        dispatch.world.record()
    assert dispatch.stager.request(request(b"red", idempotency_key="one"), NOW).image_id == job.image_id


def test_a_record_that_refers_to_an_upload_is_that_image_also_when_it_has_moved(dispatch: Dispatch) -> None:
    upload = dispatch.upload()
    one = read(record(f'{{"s3": "{upload.source}"}}'.encode(), 5))
    job = dispatch.stager.record(one, NOW)
    assert job
    assert job.image_id == upload.image_id
    dispatch.world.processor.process(upload)
    dispatch.world.record()
    assert dispatch.stager.record(one, NOW) == job


def test_a_record_that_is_refused_leaves_one_document_and_is_counted_once(dispatch: Dispatch) -> None:
    for _ in range(3):
        assert dispatch.stager.record(read(record(b"photo", 4, customer_id="no/body")), NOW) is None
    assert len(dispatch.store.contents(object_keys.REFUSED)) == 1
    assert dispatch.metrics.refused == [(Door.KAFKA, Code.INVALID_REQUEST)]


def test_a_source_staged_while_the_image_ends_elsewhere_is_announced(dispatch: Dispatch) -> None:
    """Otherwise its source would stay in `incoming/`."""
    asked = request(b"photo")
    job, body = accept_bytes(asked, "home", NOW)

    def ends_meanwhile(key: str) -> None:
        if key == job.source.key and job.image_id not in dispatch.results():
            dispatch.world.processor.process(job, body)
            dispatch.world.queue.waiting.clear()

    dispatch.store.listeners.append(ends_meanwhile)
    dispatch.stager.request(asked, NOW)
    assert dispatch.world.queue.waiting == [job.result_key]


def test_a_store_that_does_not_answer_accepts_nothing(dispatch: Dispatch) -> None:
    def gone(name: str, _effect: Any) -> Any:
        raise Unavailable(Code.STORE_UNAVAILABLE, name)

    dispatch.store.around = gone
    with pytest.raises(Unavailable):
        dispatch.stager.request(request(b"photo"), NOW)
    with pytest.raises(Unavailable):
        dispatch.stager.record(read(record()), NOW)
