"""handler.process and handler.record answer any event: with a result, or with a refusal that names the fault."""

import json
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain.errors import Code, PicturePerfectError, Refusal
from core.domain.model import ImageJob, ObjectRef
from handler import events
from localcloud.lambda_.sqs_events import sqs_event
from tests.support.services import World, s3_event, send

EVENTS = Path(__file__).parents[2] / "events"
FIELDS = [
    "Records",
    "customer",
    "pipeline",
    "image",
    "s3",
    "filename",
    "idempotency_key",
    "eventSource",
    "eventName",
    "bucket",
    "object",
    "key",
    "name",
    "Event",
    "body",
    "messageId",
    "eTag",
    "versionId",
    "eventTime",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS) | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _direct(body: bytes = b"photo", **changes: Any) -> dict[str, Any]:
    return {"customer": "acme", "pipeline": "web", "image": b64encode(body).decode()} | changes


def _upload_job(event: Any) -> ImageJob:
    (job,) = map(events.accept_upload, events.s3_records(event))
    assert job is not None
    return job


def _sample(name: str) -> Any:
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def test_a_notification_is_read_as_aws_documents_it() -> None:
    job = _upload_job(_sample("s3_put.json"))
    assert (job.customer, job.pipeline, job.name) == ("acme", "web", "Happy Face+100%ü.jpg")
    assert job.source == ObjectRef(
        bucket="home",
        key="incoming/acme/web/u1/Happy Face+100%ü.jpg",
        version="096fKKXTRTtl3on89fVO.nfljtsv6qko",
        etag="d41d8cd98f00b204e9800998ecf8427e",
    )
    assert job.image_id == _upload_job(_sample("s3_put.json")).image_id


def test_s3s_test_event_is_nothing_to_do(doors: SimpleNamespace, world: World) -> None:
    assert send(doors, world, _sample("s3_test.json")) == {"images": []}


@pytest.mark.parametrize(
    "name", ["a+b.jpg", "a b.jpg", "100%25 %.jpg", "ü\N{SNOWMAN}.jpg", "a\0b.jpg", "a\u202egpj.exe", "x/y", "\\"]
)
def test_an_odd_name_is_worked_on_like_any_other(doors: SimpleNamespace, world: World, name: str) -> None:
    (image,) = send(doors, world, world.upload(name, b"photo"))["images"]
    assert image["status"] == "processed"
    world.record()
    assert len(world.store.contents("originals/acme/")) == 1
    assert not world.store.contents("incoming/")


@pytest.mark.parametrize(
    ("body", "pipeline", "code"),
    [
        (b"", "web", "empty_file"),
        (b"!corrupt_image", "web", "corrupt_image"),
        (b"photo", "nope", "unknown_pipeline"),
        (b"photo", "=cmd|'calc'!A1", "unknown_pipeline"),
        (b"photo", "<b>" * 200, "unknown_pipeline"),
        (b"x" * 1001, "web", "too_many_bytes"),
    ],
)
def test_a_bad_image_ends_with_its_code(
    doors: SimpleNamespace, world: World, body: bytes, pipeline: str, code: str
) -> None:
    (image,) = send(doors, world, world.upload("a.jpg", body, pipeline))["images"]
    assert (image["status"], image["code"]) == ("failed", code)
    assert image["message"]
    world.record()
    assert list(world.store.contents("quarantine/").values()) == [body]


def test_an_unknown_pipeline_is_reported_before_any_other_fault(doors: SimpleNamespace, world: World) -> None:
    """Otherwise an upload that is too large, or gone, would add its invented pipeline name to the totals."""
    (image,) = send(doors, world, world.upload("a.jpg", b"x" * 1001, "nope"))["images"]
    assert image["code"] == "unknown_pipeline"
    event = world.upload("b.jpg", b"photo", "nope")
    world.store.delete("incoming/acme/nope/u1/b.jpg")
    (image,) = send(doors, world, event)["images"]
    assert image["code"] == "unknown_pipeline"


def test_an_upload_that_is_gone_ends_with_its_code(doors: SimpleNamespace, world: World) -> None:
    event = world.upload("a.jpg", b"photo")
    world.store.delete("incoming/acme/web/u1/a.jpg")
    (image,) = send(doors, world, event)["images"]
    assert image["code"] == "source_missing"


def test_what_the_direct_door_stages_is_no_work_of_the_upload_door(doors: SimpleNamespace, world: World) -> None:
    send(doors, world, _direct())
    (key,) = world.store.contents("incoming/")
    assert send(doors, world, s3_event(ObjectRef(bucket="home", key=key, version="v1"))) == {"images": []}


def test_the_direct_door_answers_with_the_whole_result(doors: SimpleNamespace, world: World) -> None:
    answer = send(doors, world, _direct(filename="holiday.jpg"))
    assert (answer["status"], answer["duplicate"], answer["source"]["name"]) == ("processed", False, "holiday.jpg")
    assert len(answer["renditions"]) == 2
    assert send(doors, world, _direct())["duplicate"] is True


@pytest.mark.parametrize("recorded", [True, False])
def test_the_same_key_with_other_bytes_is_a_conflict(doors: SimpleNamespace, world: World, recorded: bool) -> None:
    send(doors, world, _direct(b"one", idempotency_key="k"))
    if recorded:
        world.record()
    with pytest.raises(Refusal) as caught:
        send(doors, world, _direct(b"other", idempotency_key="k"))
    assert caught.value.code is Code.IDENTITY_CONFLICT


def test_the_same_key_for_an_overwritten_object_is_a_conflict(doors: SimpleNamespace, world: World) -> None:
    event = {"customer": "acme", "pipeline": "web", "s3": "s3://shared/acme/a.jpg", "idempotency_key": "k"}
    world.store.put("acme/a.jpg", b"one", bucket="shared")
    assert send(doors, world, event)["status"] == "processed"
    assert send(doors, world, event)["duplicate"] is True
    world.store.put("acme/a.jpg", b"other", bucket="shared")
    with pytest.raises(Refusal) as caught:
        send(doors, world, event)
    assert caught.value.code is Code.IDENTITY_CONFLICT


def test_a_reference_to_nothing_does_not_take_what_is_uploaded_there_later(
    doors: SimpleNamespace, world: World
) -> None:
    event = {
        "customer": "acme",
        "pipeline": "web",
        "s3": "s3://home/incoming/acme/web/u1/a.jpg",
        "idempotency_key": "k",
    }
    with pytest.raises(Refusal, match="there is no object"):
        send(doors, world, event)
    upload = world.upload("a.jpg", b"photo")
    world.record()
    assert send(doors, world, upload)["images"][0]["status"] == "processed"


@pytest.mark.parametrize(
    "place",
    [
        "s3://home/incoming/globex/web/u1/a.jpg",
        "s3://home/originals/globex/1/a.jpg",
        "s3://home/originals/acme/../globex/1/a.jpg",
        "s3://home/processed/acme/1/a.jpg",
        "s3://home/results/1/0.json",
        "s3://home/incoming/acme-2/web/u1/a.jpg",
        "s3://home/incoming/acme/archive/u1/a.jpg",
        "s3://shared/globex/a.jpg",
        "s3://other/acme/a.jpg",
    ],
)
def test_a_reference_outside_the_customers_own_places_is_refused(
    doors: SimpleNamespace, world: World, place: str
) -> None:
    with pytest.raises(Refusal) as caught:
        send(doors, world, {"customer": "acme", "pipeline": "web", "s3": place})
    assert caught.value.code is Code.REFERENCE_REFUSED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"customer": "../globex"}, "customer"),
        ({"customer": ""}, "customer"),
        ({"pipeline": "web/x"}, "pipeline"),
        ({"pipeline": ""}, "pipeline"),
        ({"image": "not base64!"}, "image"),
        ({"image": None}, "image"),
        ({"s3": "s3://home/incoming/acme/web/u/a"}, "Exactly one"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "\ud800"}, "surrogates"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_request_is_refused_with_the_field(
    doors: SimpleNamespace, world: World, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refusal, match=field) as caught:
        send(doors, world, _direct() | change)
    assert caught.value.code is Code.INVALID_REQUEST
    assert not world.store.contents()


def test_a_reference_to_no_object_is_refused(doors: SimpleNamespace, world: World) -> None:
    with pytest.raises(Refusal, match="no object"):
        send(doors, world, {"customer": "acme", "pipeline": "web", "s3": "s3://shared/acme/none.jpg"})


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    event=JSON
    | st.fixed_dictionaries({"Records": JSON})
    | st.fixed_dictionaries({"customer": st.just("acme"), "pipeline": st.just("web") | JSON, "image": JSON})
)
def test_an_event_of_a_shape_nobody_sends_is_answered(doors: SimpleNamespace, world: World, event: Any) -> None:
    with suppress(PicturePerfectError):
        send(doors, world, event)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(JSON.map(json.dumps) | st.text(), max_size=3))
def test_a_poisoned_message_is_named_and_the_others_are_recorded(
    doors: SimpleNamespace, world: World, bodies: list[str]
) -> None:
    good = send(doors, world, world.upload("a.jpg", b"photo"))["images"][0]["image_id"]
    bodies = [*bodies, json.dumps(s3_event(ObjectRef(bucket="home", key=f"results/{good}/0.json")))]
    event = sqs_event({"MessageId": str(number), "Body": body} for number, body in enumerate(bodies))
    answer = doors.record.answer(event, world.recording)
    assert good in world.ledger.images
    assert str(len(bodies) - 1) not in {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}


def test_a_batch_is_read_as_aws_documents_it(doors: SimpleNamespace, world: World) -> None:
    answer = doors.record.answer(_sample("sqs_batch.json"), world.recording)
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == [
        "2e1424d4-f796-459a-8184-9c92662be6da",  # not JSON
        "059f36b4-87a3-44ab-83d2-661975830a7d",  # of a result that does not exist
    ]


@pytest.mark.parametrize("key", ["results/nonsense.json", "tombstones/acme/x.json", "incoming/a", "results/\ud800", ""])
def test_a_message_of_what_is_no_result_is_a_failure_of_its_own(doors: SimpleNamespace, world: World, key: str) -> None:
    world.store.put("results/nonsense.json", b"{}")
    world.store.put(
        "tombstones/acme/x.json", b'{"image_id":"y","customer":"globex","requested_at":"2026-01-01T00:00:00Z"}'
    )
    event = s3_event(ObjectRef(bucket="home", key="x"))
    event["Records"][0]["s3"]["object"]["key"] = key
    message = {"MessageId": "1", "Body": json.dumps(event)}
    answer = doors.record.answer(sqs_event([message]), world.recording)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


@pytest.mark.parametrize("event", [None, [], {}, {"Records": None}, {"Records": [1]}, {"Records": [{"body": "{}"}]}])
def test_the_recorder_refuses_what_is_no_batch(doors: SimpleNamespace, world: World, event: Any) -> None:
    with pytest.raises(Refusal):
        doors.record.answer(event, world.recording)
