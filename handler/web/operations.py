"""What can be asked of the API: one line for each operation. The routes and the OpenAPI document are made from them."""

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
from core.services.web.services import Web
from handler.web import cursors
from handler.web.queries import ImagePath, ImagesQuery, Nothing, NumbersQuery, UploadPath, WaitingQuery

_NUMBERS_DAYS = 30
_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html


class Asked(NamedTuple):
    """One request, whose customer is known and whose fields are of their types."""

    customer: str
    path: Any
    query: Any
    body: Any


class Operation(NamedTuple):
    """`call` answers with a value of the type `answer`, under `status`; `refuses` with these besides the usual.

    A `tagged` answer has an ETag: who has it already is told so instead.
    """

    method: str
    path: str
    name: str
    summary: str
    call: Callable[[Web, Asked], Value | None]
    answer: type[Value] | None
    status: int = 200
    path_type: type[Value] = Nothing
    query: type[Value] = Nothing
    body: type[Value] | None = None
    refuses: tuple[int, ...] = ()
    tagged: bool = False


class Pipelines(Value, frozen=True, kw_only=True):
    """The pipelines that uploads may name."""

    pipelines: tuple[gallery.PipelineSummary, ...]


def announce(web: Web, asked: Asked) -> Value:
    return web.uploading.announce(asked.customer, asked.body)


def waiting(web: Web, asked: Asked) -> Value:
    bound = ("waiting", asked.customer)
    (after,) = cursors.read(asked.query.cursor, tuple[str], *bound) if asked.query.cursor else ("",)
    if asked.query.cursor and not _may_wait(asked.customer, after):
        raise cursors.wrong()
    page, last = web.uploading.waiting(asked.customer, after)
    return structs.replace(page, next=cursors.write((last,), *bound) if last else None)


def _may_wait(customer: str, key: str) -> bool:
    """Whether S3 can be asked for what comes after it: its keys have 1,024 bytes, its XML no control characters."""
    return key.startswith(object_keys.upload_prefix(customer)) and len(key.encode()) <= _KEY_BYTES and min(key) >= " "


def begin(web: Web, asked: Asked) -> Value:
    return web.uploading.begin(asked.customer, asked.body)


def unfinished(web: Web, asked: Asked) -> Value:
    return web.uploading.unfinished(asked.customer)


def state(web: Web, asked: Asked) -> Value:
    return web.uploading.state(asked.customer, asked.path.pipeline, asked.path.upload)


def sign(web: Web, asked: Asked) -> Value:
    return web.uploading.sign(asked.customer, asked.path.pipeline, asked.path.upload, asked.body)


def complete(web: Web, asked: Asked) -> Value:
    return web.uploading.complete(asked.customer, asked.path.pipeline, asked.path.upload, asked.body.bytes)


def abort(web: Web, asked: Asked) -> None:
    web.uploading.abort(asked.customer, asked.path.pipeline, asked.path.upload)


def images(web: Web, asked: Asked) -> Value:
    wanted = structs.replace(asked.query, cursor="", limit=1)
    bound = ("images", asked.customer, wanted)
    after = cursors.read(asked.query.cursor, tuple[gallery.Moment, UUID], *bound) if asked.query.cursor else None
    found, last = web.gallery.page(asked.customer, asked.query, after, asked.query.limit)
    return gallery.ImagePage(images=tuple(found), next=cursors.write(last, *bound) if last else None)


def image(web: Web, asked: Asked) -> Value:
    return web.gallery.detail(asked.customer, asked.path.image_id)


def erase(web: Web, asked: Asked) -> Value:
    return web.gallery.erase(asked.customer, asked.path.image_id)


def numbers(web: Web, asked: Asked) -> Value:
    until = asked.query.until or datetime.now(UTC)
    since = asked.query.since or until - timedelta(days=_NUMBERS_DAYS)
    if since > until:
        raise Refusal(Code.INVALID_REQUEST, "since: it is after `until`.")
    return web.gallery.numbers(asked.customer, since, until)


def pipelines(web: Web, _asked: Asked) -> Value:
    return Pipelines(pipelines=tuple(web.pipelines().values()))


_PARTS = "/api/multipart/{pipeline}/{upload}"
OPERATIONS = (
    Operation("GET", "/api/pipelines", "pipelines", "The pipelines there are", pipelines, Pipelines),
    Operation(
        "POST", "/api/uploads", "announce", "Say which files will come; a signed form comes back for each",
        announce, uploads.Announced, 201, body=uploads.Announcement,
    ),
    Operation(
        "GET", "/api/uploads", "waiting", "What has arrived and not ended",
        waiting, uploads.WaitingPage, query=WaitingQuery,
    ),
    Operation(
        "POST", "/api/multipart", "begin", "Begin an upload in parts",
        begin, uploads.PartedUpload, 201, body=uploads.BeginParts,
    ),
    Operation(
        "GET", "/api/multipart", "unfinished", "Uploads in parts that are not at their end",
        unfinished, uploads.OpenUploads,
    ),
    Operation(
        "GET", _PARTS, "state", "Which parts have arrived",
        state, uploads.PartedState, path_type=UploadPath, refuses=(404,),
    ),
    Operation(
        "POST", f"{_PARTS}/parts", "sign", "A signed URL for each of some parts",
        sign, uploads.SignedParts, path_type=UploadPath, body=uploads.SignParts, refuses=(404,),
    ),
    Operation(
        "POST", f"{_PARTS}/complete", "complete", "All parts are there; again is the same answer",
        complete, uploads.Completed, path_type=UploadPath, body=uploads.CompleteParts, refuses=(404, 409),
    ),
    Operation(
        "DELETE", _PARTS, "abort", "Forget an upload in parts",
        abort, None, 204, path_type=UploadPath, refuses=(404,),
    ),
    Operation(
        "GET", "/api/images", "images", "Images that ended, the latest first",
        images, gallery.ImagePage, query=ImagesQuery, tagged=True,
    ),
    Operation(
        "GET", "/api/images/{image_id}", "image", "All that is known of one image",
        image, gallery.ImageDetail, path_type=ImagePath, refuses=(404,),
    ),
    Operation(
        "DELETE", "/api/images/{image_id}", "erase", "Ask for an image's erasure",
        erase, gallery.Erasure, 202, path_type=ImagePath, refuses=(404,),
    ),
    Operation(
        "GET", "/api/numbers", "numbers", "Counts, bytes, seconds and dollars",
        numbers, gallery.Numbers, query=NumbersQuery,
    ),
)  # fmt: skip
