"""The values that travel through the system, left to right, each one frozen.

event → ImageJob → ImageHeader → Plan → Raster → … → Raster → Rendition(s) → Result
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from core.domain import object_keys
from core.domain.errors import Code


class Value(msgspec.Struct, frozen=True):
    """The base of every value: immutable, compared by content, written as JSON or msgpack."""


class Door(StrEnum):
    """How an image came in."""

    UPLOAD = "upload"
    DIRECT = "direct"
    REFERENCE = "reference"
    KAFKA = "kafka"


class Route(StrEnum):
    """Where an image is, or was, worked on."""

    LAMBDA = "lambda"
    BATCH = "batch"
    LOCAL = "local"


class Status(StrEnum):
    """The two ways an image can end."""

    PROCESSED = "processed"
    FAILED = "failed"


class ImageFormat(StrEnum):
    """The file formats of renditions; sources may come in others too."""

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
    """One object in S3. With `version` or `etag` (no quotes) it names one content, else whatever is there."""

    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def quoted(self) -> str:
        """As a sentence tells it: whatever a key may hold, nobody takes it for a part of the sentence."""
        return repr(str(self))


class ImageJob(Value, frozen=True, kw_only=True):
    """One image to be worked on once: whose, through which pipeline, and where its source lies."""

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
    """What a file says of itself, read without decoding a pixel.

    `width` and `height` are pixels as displayed, after EXIF orientation. `depth` is bits per channel.
    """

    format: str
    width: int
    height: int
    channels: int
    depth: int
    frames: int = 1
    orientation: int = 1
    bytes: int = 0
    #: From coarse to fine: a progressive JPEG, a PNG in Adam7's order. It takes more of everything.
    interlaced: bool = False

    @property
    def megapixels(self) -> float:
        return self.width * self.height * self.frames / 1e6


class Estimate(Value, frozen=True, kw_only=True):
    """What an image will take, known before a pixel is decoded. The upper ones are what it will hardly exceed.

    `cpu_seconds` are of one thread; `parallel` is the share of them, 0 to 1, that more threads divide among them.
    `peak_bytes` is resident memory of the worker's child, itself included. `basis` says in words what it is made from.
    """

    cpu_seconds: float
    cpu_seconds_upper: float
    parallel: float
    peak_bytes: int
    peak_bytes_upper: int
    basis: str = ""

    def seconds(self, vcpus: float) -> float:
        """Wall clock on so many vCPUs; less than one stretches all of it."""
        return self.cpu_seconds * self._stretch(vcpus)

    def seconds_upper(self, vcpus: float) -> float:
        """As `seconds`, hardly exceeded."""
        return self.cpu_seconds_upper * self._stretch(vcpus)

    def _stretch(self, vcpus: float) -> float:
        return (1 - self.parallel) / min(1.0, vcpus) + self.parallel / vcpus


class Plan(Value, frozen=True, kw_only=True):
    """Where the image will be worked on, and why, in words. `tier` names the Batch tier where it is Batch's."""

    route: Route
    reason: str
    tier: str = ""
    estimate: Estimate | None = None


class RenditionFile(Value, frozen=True, kw_only=True):
    """One encoded output as the worker left it: a file on local disk. `frames` counts pages too."""

    name: str
    format: ImageFormat
    width: int
    height: int
    bytes: int
    path: str
    frames: int = 1


class Usage(Value, frozen=True, kw_only=True):
    """What an image took, from the kernel's accounting. Seconds; bytes of resident memory at the peak."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


#: What measuring steps found: numbers, and hashes as hexadecimal text. Keyed by the step's name, and `<rendition>.`
#: before it where it is a rendition's own step.
Measurements = dict[str, float | str]


class Rendered(Value, frozen=True, kw_only=True):
    """What a pipeline made of one image: files on local disk, what was measured, and what it took."""

    renditions: tuple[RenditionFile, ...]
    measurements: Measurements = msgspec.field(default_factory=dict)
    usage: Usage = Usage()


class Rendition(Value, frozen=True, kw_only=True):
    """One output in S3. `sha256` is of the file's bytes, in hex; the key carries its first 16 digits."""

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
    """The image as it came: where it was found, how large, and the digest of its content."""

    object: ObjectRef
    name: str
    bytes: int | None = None
    sha256: str | None = None


class Billed(Value, frozen=True, kw_only=True):
    """What of a machine an image has to pay for: `seconds` of so much memory, and so many vCPUs.

    From its acceptance to its commit; of the time of images that are worked on at once, each its share. `machine` is
    the architecture, as `uname -m` says; `tier` names the Batch tier, where it is one's job: then there is a minute for
    the images of a child at least.
    """

    seconds: float
    memory_mb: int
    vcpus: float
    machine: str
    tier: str = ""


class Result(Value, frozen=True, kw_only=True):
    """The commit: everything that is known of one run of one image, as it stands under `results/`.

    `token` names the writer: whoever finds another token than his own has lost the race.
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
    #: The company's own operations in the pipeline, each with its package's version.
    operations: dict[str, str] = msgspec.field(default_factory=dict)
    estimate: Estimate | None = None
    usage: Usage = Usage()
    #: None where no machine speaks for the image: Batch lost it, or the result is of an earlier release.
    billed: Billed | None = None
    received_at: datetime
    committed_at: datetime
    version: str

    @property
    def key(self) -> str:
        return object_keys.result_key(self.image_id, self.run)

    @property
    def archive_key(self) -> str:
        """Where the source is kept after the commit."""
        return object_keys.archive_key(
            self.customer, self.image_id, self.source.name, processed=self.status is Status.PROCESSED
        )


class Outcome(Value, frozen=True, kw_only=True):
    """What a delivery came to: the result that stands, and whether another delivery had committed it."""

    result: Result
    duplicate: bool = False


class HandOver(Value, frozen=True, kw_only=True):
    """A message of the overflow queue: a job whose source is in S3, and why it is to be run elsewhere, in words.

    `tier` is the smallest Batch tier that may hold it, empty where nobody knows; `estimate` is what that came from.
    `attempt` counts how often Batch has to do all of it again, since what was submitted is lost.
    """

    job: ImageJob
    reason: str
    tier: str = ""
    estimate: Estimate | None = None
    attempt: int = 0

    @property
    def passed_on_key(self) -> str:
        """Where a Batch child of `tier` writes that it passed this image on."""
        return object_keys.passed_on_key(self.job.image_id, self.job.run, self.attempt, self.tier)


class Tombstone(Value, frozen=True, kw_only=True):
    """A deletion that was asked for. Holds no personal data; wins over every result, replay included."""

    image_id: str
    customer: str
    requested_at: datetime

    @property
    def key(self) -> str:
        return object_keys.tombstone_key(self.customer, self.image_id)
