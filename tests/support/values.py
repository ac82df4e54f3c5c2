"""Values for tests, which change the fields that they test."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from core.domain.model import (
    Door,
    ImageFormat,
    ImageHeader,
    ImageJob,
    ObjectRef,
    Rendition,
    Result,
    Route,
    Source,
    Status,
)

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def upload_job(source: ObjectRef, image_id: str = "", pipeline: str = "web") -> ImageJob:
    """The job of an upload of customer acme, with a random image id unless one is given."""
    return ImageJob(
        image_id=image_id or str(uuid4()),
        customer="acme",
        pipeline=pipeline,
        door=Door.UPLOAD,
        name="a.jpg",
        source=source,
        received_at=NOW,
    )


def rendition(image_id: str, name: str = "small", kind: ImageFormat = ImageFormat.JPEG) -> Rendition:
    key = f"processed/acme/{image_id}/{name}-00.{kind.extension}"
    return Rendition(
        name=name, format=kind, width=2, height=3, bytes=5, sha256="00", key=key, url=f"https://images.example/{key}"
    )


def result(**changes: Any) -> Result:
    """A processed image with one rendition."""
    image_id = changes.get("image_id", str(uuid4()))
    standard = Result(
        image_id=image_id,
        run=0,
        token=str(uuid4()),
        customer="acme",
        pipeline="web",
        door=Door.UPLOAD,
        route=Route.LAMBDA,
        reason="It fits.",
        status=Status.PROCESSED,
        source=Source(
            object=ObjectRef(bucket="home", key="incoming/acme/web/u/a.jpg", version="v1"),
            name="a.jpg",
            bytes=7,
            sha256="ab",
        ),
        header=ImageHeader(format="jpeg", width=4, height=3, channels=3, depth=8),
        renditions=(rendition(image_id),),
        received_at=NOW,
        committed_at=NOW,
        version="1",
    )
    return msgspec.structs.replace(standard, **changes)
