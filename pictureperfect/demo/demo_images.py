"""The demo's images: three customers, every door, every format, and three images that must fail."""

from collections.abc import Callable
from dataclasses import dataclass

from pictureperfect.demo import painted_images as painted


@dataclass(frozen=True, kw_only=True)
class DemoImage:
    """An image, how it is sent, and its expected end: the failure's `code`, or None if it must be processed."""

    name: str
    customer: str
    pipeline: str
    #: `upload`, `direct`, `kafka`, or `kafka+s3`: a Kafka record that refers to an object in S3.
    door: str
    make: Callable[[], bytes]
    code: str | None = None


def demo_images() -> tuple[DemoImage, ...]:
    fjord, harbour, alpine = "fjord", "harbour", "alpine"
    corrupt, bomb = painted.make_corrupt_jpeg, painted.make_bomb_png
    return (
        DemoImage(name="dawn.jpg", customer=fjord, pipeline="web", door="kafka+s3", make=painted.paint_dawn),
        DemoImage(name="hay+sun.webp", customer=fjord, pipeline="web", door="kafka", make=painted.paint_meadow),
        DemoImage(name="scan.tif", customer=fjord, pipeline="archive", door="upload", make=painted.paint_scan),
        DemoImage(
            name="portrait.jpg",
            customer=harbour,
            pipeline="thumbnail",
            door="upload",
            make=painted.paint_rotated_portrait,
        ),
        DemoImage(name="logo.png", customer=harbour, pipeline="web", door="direct", make=painted.paint_logo),
        DemoImage(
            name="broken.jpg", customer=harbour, pipeline="web", door="kafka", make=corrupt, code="corrupt_image"
        ),
        DemoImage(name="dusk.avif", customer=alpine, pipeline="web", door="direct", make=painted.paint_dusk),
        DemoImage(name="night.jpg", customer=alpine, pipeline="restore", door="kafka", make=painted.paint_night),
        DemoImage(name="bomb.png", customer=alpine, pipeline="web", door="upload", make=bomb, code="too_many_pixels"),
        DemoImage(name="empty.jpg", customer=alpine, pipeline="web", door="direct", make=bytes, code="empty_file"),
    )
