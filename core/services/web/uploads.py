"""The use cases of uploads: signing forms and parts, and listing sources without a result.

Keys are made from the customer whom the gateway authenticated, never from request fields, so that every upload stays
under `incoming/<customer>/`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.ports.store import ObjectStore
from core.ports.web import Links, Multiparts, OpenUpload, Part, Rows
from core.services.web import media_types
from core.services.web.upload_messages import (
    PART_BYTES,
    PARTS_FROM,
    AcceptedFile,
    AnnouncedFile,
    Announcement,
    AnnouncementResult,
    CompletedUpload,
    MultipartState,
    MultipartUpload,
    ReceivedPart,
    RefusedFile,
    SignedPart,
    SignedParts,
    SignParts,
    StartMultipart,
    UnfinishedUploads,
    WaitingPage,
    WaitingUpload,
)

_VALID_FOR = timedelta(minutes=15)
_PAGE_SIZE = 200  # waiting uploads in one answer
_LISTED_PARTS = 5  # part numbers in an error message
#: How long ago an upload may have ended; infra lets S3 delete unfinished ones after as many days.
_LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """Uploads; each call is for one customer."""

    store: Callable[[], ObjectStore]
    links: Links
    multiparts: Callable[[], Multiparts]
    rows: Rows
    pipelines: Callable[[], Collection[str]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_upload: Callable[[], str] = field(default=lambda: str(uuid4()))

    def announce(self, customer: str, announcement: Announcement) -> AnnouncementResult:
        """Sign a form for each accepted file. Raises Refusal(UNKNOWN_PIPELINE)."""
        self._check_pipeline(announcement.pipeline)
        now = self.now()
        results = [
            self._sign_form(customer, announcement.pipeline, index, file)
            for index, file in enumerate(announcement.files)
        ]
        return AnnouncementResult(
            at=now,
            expires_at=now + _VALID_FOR,
            accepted=tuple(file for file in results if isinstance(file, AcceptedFile)),
            refused=tuple(file for file in results if isinstance(file, RefusedFile)),
        )

    def waiting(self, customer: str, after: str) -> tuple[WaitingPage, str]:
        """Sources without a result, by key; and the last key that was looked at, empty on the last page."""
        prefix = object_keys.upload_prefix(customer)
        entries = list(islice(self.store().entries(prefix, after), _PAGE_SIZE + 1))
        page = entries[:_PAGE_SIZE]
        uploads = []
        for entry in page:
            source = (
                None if object_keys.is_folder(entry.key, entry.bytes) else object_keys.try_parse_incoming(entry.key)
            )
            if source and not source.is_inline:  # inline sources came by Kafka or direct invoke
                uploads.append(
                    WaitingUpload(
                        upload=source.upload,
                        pipeline=source.pipeline,
                        name=source.name,
                        bytes=entry.bytes,
                        uploaded_at=entry.modified_at,
                    )
                )
        return WaitingPage(uploads=tuple(uploads), next=None), page[-1].key if len(entries) > _PAGE_SIZE else ""

    def begin(self, customer: str, request: StartMultipart) -> MultipartUpload:
        """Start an upload in parts. Raises Refusal: UNKNOWN_PIPELINE, UNSUPPORTED_FORMAT."""
        self._check_pipeline(request.pipeline)
        media_type = media_types.accepted_type(request.type, request.name)
        if media_type is None:
            raise Refusal(Code.UNSUPPORTED_FORMAT, _unsupported(request.name))
        now, upload = self.now(), self.new_upload()
        name = object_keys.safe_name(request.name)
        self.multiparts().begin(f"{object_keys.upload_prefix(customer, request.pipeline, upload)}{name}", media_type)
        return MultipartUpload(
            upload=upload, pipeline=request.pipeline, name=name, part_bytes=PART_BYTES, started_at=now
        )

    def unfinished(self, customer: str) -> UnfinishedUploads:
        """Uploads in parts that are not complete. Those with keys of another form than this page's are left out."""
        described = map(_describe, self.multiparts().under(object_keys.upload_prefix(customer)))
        return UnfinishedUploads(uploads=tuple(upload for upload in described if upload))

    def state(self, customer: str, pipeline: str, upload: str) -> MultipartState:
        """The upload and its received parts. Raises Refusal(NOT_FOUND), as the methods below do."""
        unfinished = self._find(customer, pipeline, upload)
        described = _describe(unfinished)
        if described is None:
            raise _not_found(pipeline, upload)
        received = (ReceivedPart(number=part.number, bytes=part.bytes) for part in self.multiparts().parts(unfinished))
        return MultipartState(upload=described, parts=tuple(received))

    def sign(self, customer: str, pipeline: str, upload: str, request: SignParts) -> SignedParts:
        """Sign a URL for each part. Raises Refusal(INVALID_REQUEST) for a number that the file has no part for."""
        unfinished = self._find(customer, pipeline, upload)
        sizes = _part_sizes(request.bytes)
        beyond = [number for number in request.numbers if number > len(sizes)]
        if beyond:
            raise Refusal(
                Code.INVALID_REQUEST,
                f"numbers: a file of {request.bytes:,} bytes has {len(sizes)} parts, and no part {beyond[0]}.",
            )
        parts = tuple(
            SignedPart(
                number=number,
                offset=(number - 1) * PART_BYTES,
                bytes=sizes[number - 1],
                url=self.links.part(unfinished.key, unfinished.upload_id, number, sizes[number - 1]),
            )
            for number in dict.fromkeys(request.numbers)
        )
        return SignedParts(expires_at=self.now() + _VALID_FOR, parts=parts)

    def complete(self, customer: str, pipeline: str, upload: str, size: int) -> CompletedUpload:
        """Join the parts; repeating it answers the same. Raises Refusal(UPLOAD_INCOMPLETE) that names missing parts."""
        try:
            unfinished = self._find(customer, pipeline, upload)
        except Refusal:
            if self._arrived(customer, pipeline, upload):
                return CompletedUpload(upload=upload)
            raise
        parts = self.multiparts().parts(unfinished)
        _check_complete(parts, size)
        if self.multiparts().complete(unfinished, parts) or self._arrived(customer, pipeline, upload):
            return CompletedUpload(upload=upload)
        raise Refusal(
            Code.UPLOAD_INCOMPLETE,
            "The parts changed while they were being joined; check which have arrived, and complete the upload again.",
        )

    def abort(self, customer: str, pipeline: str, upload: str) -> None:
        self.multiparts().abort(self._find(customer, pipeline, upload))

    def _sign_form(self, customer: str, pipeline: str, index: int, file: AnnouncedFile) -> AcceptedFile | RefusedFile:
        media_type = media_types.accepted_type(file.type, file.name)
        name = object_keys.safe_name(file.name)
        if file.bytes == 0:
            return RefusedFile(index=index, code=Code.EMPTY_FILE, detail=f"{name} has no bytes.")
        if file.bytes >= PARTS_FROM:
            detail = f"{name} has {file.bytes:,} bytes: files of {PARTS_FROM:,} bytes or more are uploaded in parts."
            return RefusedFile(index=index, code=Code.TOO_MANY_BYTES, detail=detail)
        if media_type is None:
            return RefusedFile(index=index, code=Code.UNSUPPORTED_FORMAT, detail=_unsupported(file.name))
        upload = self.new_upload()
        form = self.links.form(f"{object_keys.upload_prefix(customer, pipeline, upload)}{name}", media_type, file.bytes)
        return AcceptedFile(index=index, upload=upload, name=name, form=form)

    def _check_pipeline(self, pipeline: str) -> None:
        known = self.pipelines()
        if pipeline not in known:
            raise Refusal(
                Code.UNKNOWN_PIPELINE,
                f"pipeline: there is no pipeline {pipeline}; the pipelines are {', '.join(sorted(known))}.",
            )

    def _find(self, customer: str, pipeline: str, upload: str) -> OpenUpload:
        prefix = object_keys.upload_prefix(customer, pipeline, upload)
        unfinished = (item for item in self.multiparts().under(prefix) if object_keys.try_parse_incoming(item.key))
        first = next(unfinished, None)
        if first is None:
            raise _not_found(pipeline, upload)
        return first

    def _arrived(self, customer: str, pipeline: str, upload: str) -> bool:
        """Whether the source waits under `incoming/`, or has a result already."""
        if any(True for _ in islice(self.store().keys(object_keys.upload_prefix(customer, pipeline, upload)), 1)):
            return True
        return self.rows.knows_upload(customer, pipeline, upload, self.now() - _LOOK_BACK)


def _not_found(pipeline: str, upload: str) -> Refusal:
    return Refusal(Code.NOT_FOUND, f"There is no unfinished upload {upload} for the pipeline {pipeline}.")


def _describe(upload: OpenUpload) -> MultipartUpload | None:
    source = object_keys.try_parse_incoming(upload.key)
    if source is None:
        return None
    return MultipartUpload(
        upload=source.upload,
        pipeline=source.pipeline,
        name=source.name,
        part_bytes=PART_BYTES,
        started_at=upload.started_at,
    )


def _part_sizes(size: int) -> list[int]:
    """The bytes of each part of a file of `size` bytes."""
    whole, rest = divmod(size, PART_BYTES)
    return [PART_BYTES] * whole + ([rest] if rest else [])


def _check_complete(parts: Sequence[Part], size: int) -> None:
    """Raises Refusal(UPLOAD_INCOMPLETE) unless the parts are exactly those of a file of `size` bytes."""
    received = {part.number: part.bytes for part in parts}
    expected = dict(enumerate(_part_sizes(size), start=1))
    wrong = sorted(number for number in expected if received.get(number) != expected[number])
    numbers = wrong or sorted(set(received) - set(expected))
    if numbers:
        listed = ", ".join([*map(str, numbers[:_LISTED_PARTS]), *(["…"] if len(numbers) > _LISTED_PARTS else [])])
        fault = "are missing or have a wrong size" if wrong else f"are beyond its {len(expected)} parts"
        raise Refusal(Code.UPLOAD_INCOMPLETE, f"The file has {size:,} bytes; {len(numbers)} parts {fault}: {listed}.")


def _unsupported(name: str) -> str:
    name = object_keys.safe_name(name)
    return f"{name} is in no supported format: neither its media type nor its file extension is one."
