"""File ⇄ Raster: the only place that knows BGR, EXIF's orientations, ICC profiles and imread's flags."""

import os

# The limit is core.routing.plan's, with a code and a number; OpenCV reads its own once, when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 40))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what it would log is raised, with a code

from core.imaging.codec.decoding import decode  # after what OpenCV reads from the environment
from core.imaging.codec.encoding import encode
from core.imaging.codec.frames import AnimationWriter, Frame, read_animation, refuse_half
from core.imaging.codec.pages import PagesWriter, read_pages

__all__ = [
    "AnimationWriter",
    "Frame",
    "PagesWriter",
    "decode",
    "encode",
    "read_animation",
    "read_pages",
    "refuse_half",
]
