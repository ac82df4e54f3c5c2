"""The use cases of uploads: what a customer may put where, one file at a time or in parts, and what still waits.

A key is made here from the customer that the gateway vouched for, and never from one that a request names: whatever
else a request says, it stays under `incoming/<customer>/`.
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
    Accepted,
    Announced,
    AnnouncedFile,
    Announcement,
    ArrivedPart,
    BeginParts,
    Completed,
    OpenUploads,
    PartedState,
    PartedUpload,
    Refused,
    SignedPart,
    SignedParts,
    SignParts,
    WaitingPage,
    WaitingUpload,
)

_GOOD_FOR = timedelta(minutes=15)
_WAITING = 200  # in one answer
_NAMED = 5  # of the parts that are wrong
_BYGONE = timedelta(days=7)  # what may still ask whether its upload has arrived: S3 forgets unfinished ones then


@dataclass(frozen=True, kw_only=True)
class Uploading:
    """Uploads of one customer at a time."""

    store: Callable[[], ObjectStore]
    links: Links
    multiparts: Callable[[], Multiparts]
    rows: Rows
    pipelines: Callable[[], Collection[str]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_upload: Callable[[], str] = field(default=lambda: str(uuid4()))

    def announce(self, customer: str, announcement: Announcement) -> Announced:
        """Sign a form for each file that may come. Raises Refusal(UNKNOWN_PIPELINE)."""
        self._check(announcement.pipeline)
        now = self.now()
        judged = [
            self._judge(customer, announcement.pipeline, index, file) for index, file in enumerate(announcement.files)
        ]
        return Announced(
            at=now,
            expires_at=now + _GOOD_FOR,
            accepted=tuple(item for item in judged if isinstance(item, Accepted)),
            refused=tuple(item for item in judged if isinstance(item, Refused)),
        )

    def waiting(self, customer: str, after: str) -> tuple[WaitingPage, str]:
        """What has arrived and not ended, by key; the second is the key up to which was looked, empty at the end."""
        prefix = object_keys.upload_prefix(customer)
        entries = list(islice(self.store().entries(prefix, after), _WAITING + 1))
        found = entries[:_WAITING]
        uploads = []
        for entry in found:
            source = (
                None if object_keys.is_folder(entry.key, entry.bytes) else object_keys.try_parse_incoming(entry.key)
            )
            if source and not source.is_inline:  # such an image came through another door, and has no name yet
                uploads.append(
                    WaitingUpload(
                        upload=source.upload,
                        pipeline=source.pipeline,
                        name=source.name,
                        bytes=entry.bytes,
                        uploaded_at=entry.modified_at,
                    )
                )
        return WaitingPage(uploads=tuple(uploads), next=None), found[-1].key if len(entries) > _WAITING else ""

    def begin(self, customer: str, wanted: BeginParts) -> PartedUpload:
        """Raises Refusal: UNKNOWN_PIPELINE, UNSUPPORTED_FORMAT."""
        self._check(wanted.pipeline)
        kind = media_types.accepted(wanted.type, wanted.name)
        if kind is None:
            raise Refusal(Code.UNSUPPORTED_FORMAT, _not_taken(wanted.name))
        now, upload = self.now(), self.new_upload()
        name = object_keys.safe_name(wanted.name)
        self.multiparts().begin(f"{object_keys.upload_prefix(customer, wanted.pipeline, upload)}{name}", kind)
        return PartedUpload(upload=upload, pipeline=wanted.pipeline, name=name, part_bytes=PART_BYTES, started_at=now)

    def unfinished(self, customer: str) -> OpenUploads:
        """Those that will be images: others may be begun by anybody, and are no uploads of the page's."""
        begun = map(_described, self.multiparts().under(object_keys.upload_prefix(customer)))
        return OpenUploads(uploads=tuple(upload for upload in begun if upload))

    def state(self, customer: str, pipeline: str, upload: str) -> PartedState:
        """Raises Refusal(NOT_FOUND), as all below do."""
        found = self._open(customer, pipeline, upload)
        described = _described(found)
        if described is None:
            raise _not_there(pipeline, upload)
        arrived = (ArrivedPart(number=part.number, bytes=part.bytes) for part in self.multiparts().parts(found))
        return PartedState(upload=described, parts=tuple(arrived))

    def sign(self, customer: str, pipeline: str, upload: str, wanted: SignParts) -> SignedParts:
        """Raises Refusal(INVALID_REQUEST) of a part that such a file does not have."""
        found = self._open(customer, pipeline, upload)
        sizes = _sizes(wanted.bytes)
        beyond = [number for number in wanted.numbers if number > len(sizes)]
        if beyond:
            raise Refusal(
                Code.INVALID_REQUEST,
                f"numbers: a file of {wanted.bytes:,} bytes has {len(sizes)} parts, and no part {beyond[0]}.",
            )
        parts = tuple(
            SignedPart(
                number=number,
                offset=(number - 1) * PART_BYTES,
                bytes=sizes[number - 1],
                url=self.links.part(found.key, found.upload_id, number, sizes[number - 1]),
            )
            for number in dict.fromkeys(wanted.numbers)
        )
        return SignedParts(expires_at=self.now() + _GOOD_FOR, parts=parts)

    def complete(self, customer: str, pipeline: str, upload: str, size: int) -> Completed:
        """Again is the same answer. Raises Refusal(UPLOAD_INCOMPLETE) that names what is missing."""
        try:
            found = self._open(customer, pipeline, upload)
        except Refusal:
            if self._arrived(customer, pipeline, upload):
                return Completed(upload=upload)
            raise
        parts = self.multiparts().parts(found)
        _refuse_gaps(parts, size)
        if self.multiparts().complete(found, parts) or self._arrived(customer, pipeline, upload):
            return Completed(upload=upload)
        raise Refusal(Code.UPLOAD_INCOMPLETE, "The parts changed while they were put together; look at them again.")

    def abort(self, customer: str, pipeline: str, upload: str) -> None:
        self.multiparts().abort(self._open(customer, pipeline, upload))

    def _judge(self, customer: str, pipeline: str, index: int, file: AnnouncedFile) -> Accepted | Refused:
        kind = media_types.accepted(file.type, file.name)
        name = object_keys.safe_name(file.name)
        if file.bytes == 0:
            return Refused(index=index, code=Code.EMPTY_FILE, detail=f"{name} has no bytes.")
        if file.bytes >= PARTS_FROM:
            detail = f"{name} has {file.bytes:,} bytes: from {PARTS_FROM:,} on, files are uploaded in parts."
            return Refused(index=index, code=Code.TOO_MANY_BYTES, detail=detail)
        if kind is None:
            return Refused(index=index, code=Code.UNSUPPORTED_FORMAT, detail=_not_taken(file.name))
        upload = self.new_upload()
        form = self.links.form(f"{object_keys.upload_prefix(customer, pipeline, upload)}{name}", kind, file.bytes)
        return Accepted(index=index, upload=upload, name=name, form=form)

    def _check(self, pipeline: str) -> None:
        known = self.pipelines()
        if pipeline not in known:
            raise Refusal(
                Code.UNKNOWN_PIPELINE,
                f"pipeline: there is no pipeline {pipeline}; there are {', '.join(sorted(known))}.",
            )

    def _open(self, customer: str, pipeline: str, upload: str) -> OpenUpload:
        prefix = object_keys.upload_prefix(customer, pipeline, upload)
        found = next(
            (item for item in self.multiparts().under(prefix) if object_keys.try_parse_incoming(item.key)), None
        )
        if found is None:
            raise _not_there(pipeline, upload)
        return found

    def _arrived(self, customer: str, pipeline: str, upload: str) -> bool:
        """Whether it waits, or has ended already."""
        if any(True for _ in islice(self.store().keys(object_keys.upload_prefix(customer, pipeline, upload)), 1)):
            return True
        return self.rows.knows_upload(customer, pipeline, upload, self.now() - _BYGONE)


def _not_there(pipeline: str, upload: str) -> Refusal:
    return Refusal(Code.NOT_FOUND, f"There is no upload {upload} in parts for the pipeline {pipeline}.")


def _described(upload: OpenUpload) -> PartedUpload | None:
    source = object_keys.try_parse_incoming(upload.key)
    if source is None:
        return None
    return PartedUpload(
        upload=source.upload,
        pipeline=source.pipeline,
        name=source.name,
        part_bytes=PART_BYTES,
        started_at=upload.started_at,
    )


def _sizes(size: int) -> list[int]:
    """Bytes of each part of a file."""
    whole, rest = divmod(size, PART_BYTES)
    return [PART_BYTES] * whole + ([rest] if rest else [])


def _refuse_gaps(parts: Sequence[Part], size: int) -> None:
    """Raises Refusal(UPLOAD_INCOMPLETE) unless the parts are those of a file of so many bytes."""
    there = {part.number: part.bytes for part in parts}
    expected = dict(enumerate(_sizes(size), start=1))
    wrong = sorted(number for number in expected if there.get(number) != expected[number])
    beyond = sorted(set(there) - set(expected))
    if wrong or beyond:
        which = ", ".join([*map(str, (wrong or beyond)[:_NAMED]), *(["…"] if len(wrong or beyond) > _NAMED else [])])
        what = "are missing or of another size" if wrong else f"are more than the {len(expected)} it has"
        raise Refusal(
            Code.UPLOAD_INCOMPLETE,
            f"Of a file of {size:,} bytes {len(wrong or beyond)} parts {what}: {which}.",
        )


def _not_taken(name: str) -> str:
    return f"{object_keys.safe_name(name)} is of no kind that is taken here, by its type or by its name's ending."
