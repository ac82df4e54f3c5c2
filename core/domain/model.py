"""The values that an image passes through, each one frozen.

event → ImageJob → ImageHeader → Estimate → Plan → Raster → … → Raster → Rendition(s) → Result
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from core.domain import object_keys
from core.domain.errors import Code


class Value(msgspec.Struct, frozen=True):
    """The base of every value: immutable, compared by content, encodable as JSON or msgpack."""


class Door(StrEnum):
    """How an image arrived: by an upload, by a direct invoke with its bytes or with a reference, or from Kafka."""

    UPLOAD = "upload"
    DIRECT = "direct"
    REFERENCE = "reference"
    KAFKA = "kafka"


class Route(StrEnum):
    """The place that processes an image, or has processed it."""

    LAMBDA = "lambda"
    BATCH = "batch"
    LOCAL = "local"


class Status(StrEnum):
    """The two final states of an image."""

    PROCESSED = "processed"
    FAILED = "failed"


class ImageFormat(StrEnum):
    """The file formats of renditions. Sources may have others: core.imaging.formats.readers lists them."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    TIFF = "tiff"
    GIF = "gif"

    @property
    def extension(self) -> str:
        return {ImageFormat.JPEG: "jpg", ImageFormat.TIFF: "tif"}.get(self, self.value)

    @property
    def media_type(self) -> str:
        return f"image/{self.value}"


class ObjectRef(Value, frozen=True, kw_only=True):
    """One object in S3. With `version` or `etag` (without quotes) it names one content, else the current one."""

    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def quoted(self) -> str:
        """The address in quotes, for sentences: a key may hold spaces and punctuation."""
        return repr(str(self))


class ImageJob(Value, frozen=True, kw_only=True):
    """One run of one image: its customer, its pipeline, and the object that is its source."""

    image_id: str
    run: int = 0
    customer: str
    pipeline: str
    door: Door
    name: str
    source: ObjectRef
    received_at: datetime

    @property
    def result_key(self) -> str:
        return object_keys.result_key(self.image_id, self.run)


class ImageHeader(Value, frozen=True, kw_only=True):
    """The properties of an image file that are read without decoding a pixel.

    `width` and `height` are in pixels as displayed, after EXIF orientation; `depth` is in bits per channel, 8 or 16;
    `channels` is 1 to 4, those of the decoded raster; `orientation` is EXIF's, 1 to 8.
    """

    format: str
    width: int
    height: int
    channels: int
    depth: int
    frames: int = 1
    orientation: int = 1
    bytes: int = 0
    #: Whether the file is a progressive JPEG or a PNG in Adam7's order: decoding takes more time and memory.
    interlaced: bool = False

    @property
    def megapixels(self) -> float:
        return self.width * self.height * self.frames / 1e6


class Estimate(Value, frozen=True, kw_only=True):
    """The estimated cost of an image, known before a pixel is decoded. `…_upper` are upper quantiles.

    `cpu_seconds` is the time on one thread; `parallel` is the share of it, 0 to 1, that further threads can take over.
    `peak_bytes` is the resident memory of the worker's child process. `basis` explains in words how it was estimated.
    """

    cpu_seconds: float
    cpu_seconds_upper: float
    parallel: float
    peak_bytes: int
    peak_bytes_upper: int
    basis: str = ""

    def seconds(self, vcpus: float) -> float:
        """Wall time in seconds on `vcpus`; less than one vCPU slows all of the work."""
        return self.cpu_seconds * self._stretch(vcpus)

    def seconds_upper(self, vcpus: float) -> float:
        """As `seconds`, for the upper quantile."""
        return self.cpu_seconds_upper * self._stretch(vcpus)

    def _stretch(self, vcpus: float) -> float:
        return (1 - self.parallel) / min(1.0, vcpus) + self.parallel / vcpus


class Plan(Value, frozen=True, kw_only=True):
    """The route of an image, and the reason in words. `tier` names the Batch tier; empty for other routes."""

    route: Route
    reason: str
    tier: str = ""
    estimate: Estimate | None = None


class RenditionFile(Value, frozen=True, kw_only=True):
    """One encoded output on local disk: `path`. Sizes are in pixels and bytes; `frames` counts frames or pages."""

    name: str
    format: ImageFormat
    width: int
    height: int
    bytes: int
    path: str
    frames: int = 1


class Usage(Value, frozen=True, kw_only=True):
    """Measured by the kernel: wall and CPU time in seconds, and the peak of resident memory in bytes."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


#: The values of measuring steps: numbers, and hashes as hexadecimal text. The key is the name of the step, with
#: `<rendition>.` before it if the step belongs to one rendition.
Measurements = dict[str, float | str]


class Rendered(Value, frozen=True, kw_only=True):
    """The output of a pipeline for one image: files on local disk, measurements and usage."""

    renditions: tuple[RenditionFile, ...]
    measurements: Measurements = msgspec.field(default_factory=dict)
    usage: Usage = Usage()


class Rendition(Value, frozen=True, kw_only=True):
    """One output in S3. `sha256` is the digest of the file, in hex; the key holds its first 16 digits."""

    name: str
    format: ImageFormat
    width: int
    height: int
    bytes: int
    sha256: str
    key: str
    url: str
    frames: int = 1


class Source(Value, frozen=True, kw_only=True):
    """The source of an image: its object, its size in bytes, and the SHA-256 digest of its content in hex."""

    object: ObjectRef
    name: str
    bytes: int | None = None
    sha256: str | None = None


class Billed(Value, frozen=True, kw_only=True):
    """The part of a machine that is charged to an image: `seconds` of `memory_mb` and `vcpus`.

    The time runs from acceptance to commit. Each of n concurrent images is charged 1/n of it, so that charges sum to
    the wall time. `machine` is the architecture as `uname -m` names it. `tier` names the Batch tier, if it was a Batch
    job: the images of one child are charged a minute at least.
    """

    seconds: float
    memory_mb: int
    vcpus: float
    machine: str
    tier: str = ""


class Result(Value, frozen=True, kw_only=True):
    """The commit: everything that is known of one run of one image, as stored under `results/`.

    `token` identifies the writer. A writer that reads back another token has lost the race to commit.
    """

    schema: int = 1
    image_id: str
    run: int
    token: str
    customer: str
    pipeline: str
    door: Door
    route: Route
    reason: str
    status: Status
    code: Code | None = None
    message: str | None = None
    source: Source
    header: ImageHeader | None = None
    renditions: tuple[Rendition, ...] = ()
    measurements: Measurements = msgspec.field(default_factory=dict)
    #: The company's own operations in the pipeline, with the version of each one's package.
    operations: dict[str, str] = msgspec.field(default_factory=dict)
    estimate: Estimate | None = None
    usage: Usage = Usage()
    #: None if no machine reported it: Batch lost the image, or an earlier release wrote the result.
    billed: Billed | None = None
    received_at: datetime
    committed_at: datetime
    version: str

    @property
    def key(self) -> str:
        return object_keys.result_key(self.image_id, self.run)

    @property
    def archive_key(self) -> str:
        """The key of the source after the commit."""
        return object_keys.archive_key(
            self.customer, self.image_id, self.source.name, processed=self.status is Status.PROCESSED
        )


class Outcome(Value, frozen=True, kw_only=True):
    """The result of a delivery. `duplicate`: another delivery had committed it before."""

    result: Result
    duplicate: bool = False


class HandOver(Value, frozen=True, kw_only=True):
    """A message of the overflow queue: a job whose source is in S3, and the reason to run it in Batch, in words.

    `tier` names the smallest Batch tier that `estimate` fits; empty if unknown. `attempt` numbers the image's
    submissions to Batch: core.services.dispatch.attempts explains the number.
    """

    job: ImageJob
    reason: str
    tier: str = ""
    estimate: Estimate | None = None
    attempt: int = 0

    @property
    def passed_on_key(self) -> str:
        """The key of the hand-over that a Batch child of `tier` writes for this image."""
        return object_keys.passed_on_key(self.job.image_id, self.job.run, self.attempt, self.tier)


class Tombstone(Value, frozen=True, kw_only=True):
    """A requested erasure. It holds no personal data, and wins over every result, also when results are replayed."""

    image_id: str
    customer: str
    requested_at: datetime

    @property
    def key(self) -> str:
        return object_keys.tombstone_key(self.customer, self.image_id)
