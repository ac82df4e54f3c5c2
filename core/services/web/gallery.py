"""The use cases of the gallery: listing, describing and erasing a customer's images, and usage statistics."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.model import Estimate, Status, Tombstone, Usage
from core.ports.gallery import Erasure, Filter, Image, ImageDetail, RenditionView, UsageStats
from core.ports.store import ObjectStore, WriteContestedError
from core.ports.web import Links, Rows
from core.services.web import media_types


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Finished images; each call is for one customer and treats other customers' images as missing."""

    rows: Rows
    links: Links
    store: Callable[[], ObjectStore]
    bucket: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def page(
        self, customer: str, filters: Filter, after: tuple[datetime, UUID] | None, limit: int
    ) -> tuple[list[Image], tuple[str, str] | None]:
        """Images, the latest first, and the commit time and id to continue after; None on the last page."""
        rows = self.rows.page(customer, filters, after, limit + 1)
        images = [self._image(row) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return images, (last["committed_at"], last["image_id"]) if last else None

    def detail(self, customer: str, image_id: str) -> ImageDetail:
        """Raises Refusal(NOT_FOUND)."""
        row = self._find(customer, image_id)
        return ImageDetail(
            image=self._image(row),
            renditions=tuple(self._rendition(row, rendition) for rendition in row["renditions"]),
            before=self._source_link(row),
            measurements=row["measurements"],
            operations=row["operations"],
            usage=Usage(seconds=row["seconds"], cpu_seconds=row["cpu_seconds"], peak_bytes=row["peak_bytes"]),
            estimate=self._estimate(row),
            version=row["version"],
        )

    def erase(self, customer: str, image_id: str) -> Erasure:
        """Write the image's tombstone; may be repeated until the erasure is done. Raises Refusal(NOT_FOUND)."""
        self._find(customer, image_id)
        tombstone = Tombstone(image_id=image_id, customer=customer, requested_at=self.now())
        with suppress(WriteContestedError):  # another request writes the same tombstone
            self.store().create(tombstone.key, msgspec.json.encode(tombstone), "application/json")
        return Erasure(image_id=image_id, requested_at=tombstone.requested_at)

    def usage_stats(self, customer: str, since: datetime, until: datetime) -> UsageStats:
        return self.rows.usage_stats(customer, since, until)

    def _find(self, customer: str, image_id: str) -> dict[str, Any]:
        row = self.rows.find(customer, image_id)
        if row is None:
            raise Refusal(Code.NOT_FOUND, f"There is no image {image_id}.")
        return row

    def _image(self, row: dict[str, Any]) -> Image:
        renditions = sorted(
            row["renditions"], key=lambda rendition: (rendition["width"] * rendition["height"], rendition["bytes"])
        )
        shown = [rendition for rendition in renditions if rendition["format"] in media_types.SHOWN]
        return Image(
            image_id=row["image_id"],
            run=row["run"],
            upload=self._upload(row),
            pipeline=row["pipeline"],
            door=row["door"],
            route=row["route"],
            reason=row["reason"],
            status=row["status"],
            code=row["code"],
            message=row["message"],
            name=row["name"] or "",
            format=row["format"],
            width=row["width"],
            height=row["height"],
            frames=row["frames"],
            bytes=row["source_bytes"],
            bytes_out=sum(rendition["bytes"] for rendition in renditions),
            seconds=row["seconds"],
            received_at=row["received_at"],
            committed_at=row["committed_at"],
            thumbnail=self._rendition(row, shown[0]) if shown else None,
            largest=self._rendition(row, (shown or renditions)[-1]) if renditions else None,
        )

    def _rendition(self, row: dict[str, Any], rendition: dict[str, Any]) -> RenditionView:
        media_type = media_types.type_of_format(rendition["format"])
        stem = (row["name"] or "image").rpartition(".")[0] or row["name"] or "image"
        save_as = f"{stem}-{rendition['name']}.{rendition['key'].rpartition('.')[2]}"
        return RenditionView(
            name=rendition["name"],
            format=rendition["format"],
            width=rendition["width"],
            height=rendition["height"],
            bytes=rendition["bytes"],
            frames=rendition["frames"],
            url=self.links.get(rendition["key"], media_type),
            download_url=self.links.get(rendition["key"], media_type, save_as),
        )

    def _home_key(self, row: dict[str, Any]) -> str:
        """The key that the source arrived under; empty if it is in another bucket."""
        bucket, _, key = str(row["source"]).removeprefix("s3://").partition("/")
        return key if bucket == self.bucket else ""

    def _upload(self, row: dict[str, Any]) -> str | None:
        key = self._home_key(row)
        if not key.startswith(object_keys.INCOMING):
            return None
        source = object_keys.try_parse_incoming(key)
        return None if source is None or source.is_inline else source.upload

    def _source_link(self, row: dict[str, Any]) -> str | None:
        key = self._home_key(row)
        if key.startswith(object_keys.INCOMING) and row["status"] == Status.PROCESSED.value:
            key = object_keys.archive_key(row["customer"], row["image_id"], row["name"], processed=True)
        elif not key.startswith(object_keys.originals_prefix(row["customer"])):
            return None
        return self.links.get(key, media_types.type_of_format(row["format"]))

    def _estimate(self, row: dict[str, Any]) -> Estimate | None:
        """The estimate, which only the manifest holds; None if the manifest cannot be read."""
        key = object_keys.result_key(row["image_id"], row["run"])
        try:
            body = self.store().read(key)
            return stored_documents.decode_result(body, key).estimate if body else None
        except Misconfigured:
            return None
