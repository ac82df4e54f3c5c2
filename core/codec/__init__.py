"""File ⇄ Raster: the only place that knows BGR, EXIF's orientations, ICC profiles and imread's flags."""

import os

# The limit is core.planning's, with a code and a number; OpenCV reads its own once, when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 40))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what it would log is raised, with a code

from core.codec.decoding import decode  # after what OpenCV reads from the environment
from core.codec.encoding import encode
from core.codec.frames import AnimationWriter, Frame, read_animation, refuse_half
from core.codec.pages import PagesWriter, read_pages

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
