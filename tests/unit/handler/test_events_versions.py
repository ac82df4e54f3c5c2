"""Versions in S3 notifications."""

from typing import Any

from handler import events


def _record(**of_object: str) -> dict[str, Any]:
    entity = {"bucket": {"name": "home"}, "object": {"key": "incoming/acme/web/u/a.jpg", **of_object}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entity}


def test_two_uploads_while_versions_are_suspended_are_two_images() -> None:
    jobs = [
        events.accept_upload(events.s3_records({"Records": [_record(versionId="null", eTag=etag)]})[0])
        for etag in ("one", "two")
    ]
    assert jobs[0] is not None
    assert jobs[1] is not None
    assert jobs[0].source.version is None
    assert jobs[0].image_id != jobs[1].image_id
