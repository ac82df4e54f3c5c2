"""The endpoints of the web API. Routes and the OpenAPI document are made from ENDPOINTS."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import structs

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.model import Value
from core.ports import gallery
from core.services.web import upload_messages as uploads
from core.services.web.services import WebServices
from handler.web import cursors
from handler.web.parameters import ImagePath, ImagesQuery, NoParameters, UploadPath, UsageQuery, WaitingQuery

_DEFAULT_DAYS = 30
_MAX_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html


class ApiRequest(NamedTuple):
    """A request of an authenticated customer, its parameters and body converted to the endpoint's types."""

    customer: str
    path: Any
    query: Any
    body: Any


class Endpoint(NamedTuple):
    """One method of one path. `call` returns a value of the type `answer`, or None for no content.

    `status` is that of success; `refuses` are error statuses besides those of every endpoint. `tagged`: the answer has
    an ETag, and a request that knows it gets 304.
    """

    method: str
    path: str
    name: str
    summary: str
    call: Callable[[WebServices, ApiRequest], Value | None]
    answer: type[Value] | None
    status: int = 200
    path_type: type[Value] = NoParameters
    query: type[Value] = NoParameters
    body: type[Value] | None = None
    refuses: tuple[int, ...] = ()
    tagged: bool = False


class Pipelines(Value, frozen=True, kw_only=True):
    """The pipelines that uploads may name."""

    pipelines: tuple[gallery.PipelineSummary, ...]


def announce(services: WebServices, request: ApiRequest) -> Value:
    return services.uploads.announce(request.customer, request.body)


def waiting(services: WebServices, request: ApiRequest) -> Value:
    bound = ("waiting", request.customer)
    (after,) = cursors.read(request.query.cursor, tuple[str], *bound) if request.query.cursor else ("",)
    if request.query.cursor and not _is_listable(request.customer, after):
        raise cursors.invalid()
    page, last = services.uploads.waiting(request.customer, after)
    return structs.replace(page, next=cursors.write((last,), *bound) if last else None)


def _is_listable(customer: str, key: str) -> bool:
    """Whether S3 accepts `key` as StartAfter: it is not too long, and XML can hold its characters."""
    return (
        key.startswith(object_keys.upload_prefix(customer)) and len(key.encode()) <= _MAX_KEY_BYTES and min(key) >= " "
    )


def begin(services: WebServices, request: ApiRequest) -> Value:
    return services.uploads.begin(request.customer, request.body)


def unfinished(services: WebServices, request: ApiRequest) -> Value:
    return services.uploads.unfinished(request.customer)


def state(services: WebServices, request: ApiRequest) -> Value:
    return services.uploads.state(request.customer, request.path.pipeline, request.path.upload)


def sign(services: WebServices, request: ApiRequest) -> Value:
    return services.uploads.sign(request.customer, request.path.pipeline, request.path.upload, request.body)


def complete(services: WebServices, request: ApiRequest) -> Value:
    return services.uploads.complete(request.customer, request.path.pipeline, request.path.upload, request.body.bytes)


def abort(services: WebServices, request: ApiRequest) -> None:
    services.uploads.abort(request.customer, request.path.pipeline, request.path.upload)


def images(services: WebServices, request: ApiRequest) -> Value:
    filters = structs.replace(request.query, cursor="", limit=1)
    bound = ("images", request.customer, filters)
    after = cursors.read(request.query.cursor, tuple[gallery.Moment, UUID], *bound) if request.query.cursor else None
    page, last = services.gallery.page(request.customer, request.query, after, request.query.limit)
    return gallery.ImagePage(images=tuple(page), next=cursors.write(last, *bound) if last else None)


def image(services: WebServices, request: ApiRequest) -> Value:
    return services.gallery.detail(request.customer, request.path.image_id)


def erase(services: WebServices, request: ApiRequest) -> Value:
    return services.gallery.erase(request.customer, request.path.image_id)


def numbers(services: WebServices, request: ApiRequest) -> Value:
    until = request.query.until or datetime.now(UTC)
    since = request.query.since or until - timedelta(days=_DEFAULT_DAYS)
    if since > until:
        raise Refusal(Code.INVALID_REQUEST, "since: it is later than `until`.")
    return services.gallery.usage_stats(request.customer, since, until)


def pipelines(services: WebServices, _request: ApiRequest) -> Value:
    return Pipelines(pipelines=tuple(services.pipelines().values()))


_PARTS = "/api/multipart/{pipeline}/{upload}"
ENDPOINTS = (
    Endpoint("GET", "/api/pipelines", "pipelines", "List the pipelines", pipelines, Pipelines),
    Endpoint(
        "POST", "/api/uploads", "announce", "Announce files to upload; the answer has a presigned form for each",
        announce, uploads.AnnouncementResult, 201, body=uploads.Announcement,
    ),
    Endpoint(
        "GET", "/api/uploads", "waiting", "List uploads that have arrived and have no result yet",
        waiting, uploads.WaitingPage, query=WaitingQuery,
    ),
    Endpoint(
        "POST", "/api/multipart", "begin", "Start an upload in parts",
        begin, uploads.MultipartUpload, 201, body=uploads.StartMultipart,
    ),
    Endpoint(
        "GET", "/api/multipart", "unfinished", "List unfinished uploads in parts",
        unfinished, uploads.UnfinishedUploads,
    ),
    Endpoint(
        "GET", _PARTS, "state", "List the received parts of an upload",
        state, uploads.MultipartState, path_type=UploadPath, refuses=(404,),
    ),
    Endpoint(
        "POST", f"{_PARTS}/parts", "sign", "Sign a URL for each of the given parts",
        sign, uploads.SignedParts, path_type=UploadPath, body=uploads.SignParts, refuses=(404,),
    ),
    Endpoint(
        "POST", f"{_PARTS}/complete", "complete", "Complete an upload in parts; may be repeated",
        complete, uploads.CompletedUpload, path_type=UploadPath, body=uploads.CompleteMultipart, refuses=(404, 409),
    ),
    Endpoint(
        "DELETE", _PARTS, "abort", "Abort an upload in parts",
        abort, None, 204, path_type=UploadPath, refuses=(404,),
    ),
    Endpoint(
        "GET", "/api/images", "images", "List finished images, the latest first",
        images, gallery.ImagePage, query=ImagesQuery, tagged=True,
    ),
    Endpoint(
        "GET", "/api/images/{image_id}", "image", "Describe one image",
        image, gallery.ImageDetail, path_type=ImagePath, refuses=(404,),
    ),
    Endpoint(
        "DELETE", "/api/images/{image_id}", "erase", "Request the erasure of an image",
        erase, gallery.Erasure, 202, path_type=ImagePath, refuses=(404,),
    ),
    Endpoint(
        "GET", "/api/numbers", "numbers", "Count images, bytes, seconds and dollars",
        numbers, gallery.UsageStats, query=UsageQuery,
    ),
)  # fmt: skip
