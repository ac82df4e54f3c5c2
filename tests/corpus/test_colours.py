"""Colours of the corpus: what people see is what an independent colour engine makes of the same numbers.

`pytest -s tests/corpus/test_colours.py` prints the figures: the mean ΔE2000 over all pixels.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.imaging import codec
from core.imaging.formats import tiff
from core.imaging.formats.tiff_ifd import Tag
from core.imaging.header import read_header

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
LARGEST = 2.0  # mean ΔE2000: what trained eyes see side by side begins at 1

skimage = pytest.importorskip("skimage.color", reason="scikit-image, which has the ΔE2000, is not installed")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there is no corpus at {CORPUS}"),
]

#: File → how the reference is made: through its profile, as plain complement, or as L*a*b*.
FILES = {
    "Channel_digital_image_CMYK_color.jpg": "profile",
    "Channel_digital_image_CMYK_color_no_profile.jpg": "complement",
    "fogra-0-100-100-0.tif": "profile",
    "p3.png": "profile",
    "prophoto.png": "profile",
    "gain-map.jpg": "profile",
    "16-bit-grey-alpha.png": "plain",
    "cielab-dagams.tiff": "lab",
    "relax.jp2": "plain",
}


def decoded(path: Path) -> NDArray[Any]:
    """As sRGB of 0 to 1, without alpha."""
    raster = codec.decode(path, read_header(path))
    colours = raster.pixels[..., : 1 if raster.channels < 3 else 3]
    return np.broadcast_to(colours / raster.white, (raster.height, raster.width, 3))


def reference(path: Path, how: str) -> NDArray[Any]:
    if how == "lab":
        return lab_reference(path)
    with Image.open(path) as image:
        image.load()
        if how == "profile":
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            flags, intent = ImageCms.Flags.BLACKPOINTCOMPENSATION, ImageCms.Intent.RELATIVE_COLORIMETRIC
            target = ImageCms.createProfile("sRGB")
            known = image if image.mode in {"CMYK", "RGB"} else image.convert("RGB")
            converted = ImageCms.profileToProfile(known, profile, target, intent, "RGB", flags=flags)
            assert converted is not None
            return np.asarray(converted) / 255
        if how == "complement":
            inks = np.asarray(image) / 255
            return np.asarray((1 - inks[..., :3]) * (1 - inks[..., 3:]))
        return np.asarray(image.convert("RGB")) / 255


def lab_reference(path: Path) -> NDArray[Any]:
    """By LittleCMS, from the upper eight bits: Pillow reads them where the file says that they are RGB."""
    with Image.open(io.BytesIO(tiff.with_fields(path.read_bytes(), {Tag.PHOTOMETRIC: 2}))) as image:
        lab = Image.frombytes("LAB", image.size, image.tobytes(), "raw", "LAB")
    source, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, "LAB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    return np.asarray(transform.apply(lab)) / 255


def difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    return float(skimage.deltaE_ciede2000(skimage.rgb2lab(first), skimage.rgb2lab(second)).mean())


@pytest.mark.parametrize(("name", "how"), FILES.items())
def test_what_people_see_is_what_a_colour_engine_makes_of_it(name: str, how: str) -> None:
    path = CORPUS / name
    if not path.exists():
        pytest.skip(f"there is no {path}")
    found = difference(decoded(path), reference(path, how))
    print(f"{name}: mean ΔE2000 {found:.3f}")
    assert found <= LARGEST
