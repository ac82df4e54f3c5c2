"""Colours of the corpus, compared with an independent colour engine.

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
LARGEST = 2.0  # mean ΔE2000; trained eyes see differences from 1, side by side

skimage = pytest.importorskip("skimage.color", reason="scikit-image, which has the ΔE2000, is not installed")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there is no corpus at {CORPUS}"),
]

#: The method by which the reference of each file is made: its profile, the plain complement, or L*a*b*.
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
    """The decoded colours as sRGB of 0 to 1, without alpha."""
    raster = codec.decode(path, read_header(path))
    colours = raster.pixels[..., : 1 if raster.channels < 3 else 3]
    return np.broadcast_to(colours / raster.white, (raster.height, raster.width, 3))


def reference(path: Path, method: str) -> NDArray[Any]:
    if method == "lab":
        return lab_reference(path)
    with Image.open(path) as image:
        image.load()
        if method == "profile":
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            flags, intent = ImageCms.Flags.BLACKPOINTCOMPENSATION, ImageCms.Intent.RELATIVE_COLORIMETRIC
            target = ImageCms.createProfile("sRGB")
            known = image if image.mode in {"CMYK", "RGB"} else image.convert("RGB")
            converted = ImageCms.profileToProfile(known, profile, target, intent, "RGB", flags=flags)
            assert converted is not None
            return np.asarray(converted) / 255
        if method == "complement":
            inks = np.asarray(image) / 255
            return np.asarray((1 - inks[..., :3]) * (1 - inks[..., 3:]))
        return np.asarray(image.convert("RGB")) / 255


def lab_reference(path: Path) -> NDArray[Any]:
    """By LittleCMS from the upper eight bits, which Pillow reads if the file declares them RGB."""
    with Image.open(io.BytesIO(tiff.with_fields(path.read_bytes(), {Tag.PHOTOMETRIC: 2}))) as image:
        lab = Image.frombytes("LAB", image.size, image.tobytes(), "raw", "LAB")
    source, target = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, "LAB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    return np.asarray(transform.apply(lab)) / 255


def difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    return float(skimage.deltaE_ciede2000(skimage.rgb2lab(first), skimage.rgb2lab(second)).mean())


@pytest.mark.parametrize(("name", "method"), FILES.items())
def test_colours_agree_with_an_independent_engine(name: str, method: str) -> None:
    path = CORPUS / name
    if not path.exists():
        pytest.skip(f"there is no {path}")
    found = difference(decoded(path), reference(path, method))
    print(f"{name}: mean ΔE2000 {found:.3f}")
    assert found <= LARGEST
