"""The objects that a request may refer to."""

from datetime import UTC, datetime

import pytest

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.identity import image_id, s3_identity
from core.domain.model import ObjectRef
from core.ports.store import StoredObject
from core.services.intake.requests import accept_reference, read_request

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class _Everything:
    """A store that has every object, so that only a refusal keeps a caller from it."""

    bucket = "bucket"

    def head(self, ref: ObjectRef) -> StoredObject:
        return StoredObject(ref=ObjectRef(bucket=ref.bucket, key=ref.key, etag="e"), bytes=1)


def refer(place: str) -> str:
    request = read_request({"customer": "acme", "pipeline": "web", "s3": place})
    job = accept_reference(request, _Everything(), ("s3://shared/{customer}/",), NOW)  # type: ignore[arg-type]
    return str(job.source)


@pytest.mark.parametrize(
    "place",
    [
        "s3://[bucket/originals/acme/x",
        "s3://a\u2100b/originals/acme/x",
        "s3://",
        "s3://bucket",
        "s3:///x",
        "bucket/x",
        "S3",
    ],
)
def test_what_is_no_place_in_s3_is_refused_with_a_code_whatever_a_url_parser_would_say(place: str) -> None:
    with pytest.raises(Refusal) as refusal:
        refer(place)
    assert refusal.value.code in (Code.INVALID_REQUEST, Code.REFERENCE_REFUSED)


@pytest.mark.parametrize(
    "place",
    [
        "s3://bucket/originals/acme/../globex/x",
        "s3://bucket/originals/acme-corp/x",
        "s3://bucket//originals/acme/x",
        "s3://bucket:80/originals/acme/x",
        "s3://user@bucket/originals/acme/x",
        "s3://shared/acme-corp/x",
        "s3://bucket/processed/acme/x",
    ],
)
def test_no_spelling_leads_out_of_a_customers_own_places(place: str) -> None:
    with pytest.raises(Refusal) as refusal:
        refer(place)
    assert refusal.value.code is Code.REFERENCE_REFUSED


def test_a_reference_to_a_waiting_upload_is_that_upload_whatever_key_comes_with_it() -> None:
    place = "s3://bucket/incoming/acme/web/u/cat.jpg"
    upload = image_id("acme", "web", *s3_identity(ObjectRef(bucket="bucket", key=place[12:], etag="e")))
    for key in ({}, {"idempotency_key": "mine"}):
        request = read_request({"customer": "acme", "pipeline": "web", "s3": place, **key})
        assert accept_reference(request, _Everything(), (), NOW).image_id == upload  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a?b#c.jpg", "ä ö/%2F+.jpg", "a//b", "new\nline"])
def test_a_key_is_taken_letter_by_letter(name: str) -> None:
    assert refer(f"s3://bucket/originals/acme/{name}") == f"s3://bucket/originals/acme/{name}"


def test_bytes_staged_for_one_request_are_not_another_requests_to_archive() -> None:
    place = object_keys.staged_key("acme", "web", "0e272abb-40eb-5268-8fdb-93b5c81a33e7")
    with pytest.raises(Refusal) as refusal:
        refer(f"s3://bucket/{place}")
    assert refusal.value.code is Code.REFERENCE_REFUSED


def test_an_upload_that_a_person_named_like_a_staged_one_is_an_upload() -> None:
    assert not object_keys.parse_incoming("incoming/acme/web/inline-2026/cat.jpg").is_inline
    assert object_keys.parse_incoming(
        object_keys.staged_key("acme", "web", "0e272abb-40eb-5268-8fdb-93b5c81a33e7")
    ).is_inline


def test_a_pipelines_name_ends_where_it_ends() -> None:
    with pytest.raises(Refusal):
        read_request({"customer": "acme", "pipeline": "web\n", "image": ""})


@pytest.mark.parametrize("name", [".", "..", "a/..", "..\\.."])
def test_a_file_named_by_dots_gets_a_name_that_no_client_takes_for_a_folder(name: str) -> None:
    assert object_keys.safe_name(name) == "image"


def test_a_key_that_is_longer_than_s3_takes_is_refused_before_s3_is_asked() -> None:
    with pytest.raises(Refusal) as refusal:
        refer("s3://bucket/originals/acme/" + "ü" * 510)
    assert refusal.value.code is Code.INVALID_REQUEST
