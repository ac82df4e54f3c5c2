"""Decoding files to rasters, and encoding rasters to files.

Only this package handles BGR order, EXIF orientations, ICC profiles and imread's flags.
"""

import os

# core.routing.plan refuses too many pixels, with a code and the limit. OpenCV reads its own limit when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 40))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # its failures are raised, with a code

from core.imaging.codec.decoding import decode  # after the variables that OpenCV reads
from core.imaging.codec.encoding import encode
from core.imaging.codec.frames import AnimationWriter, Frame, read_animation, refuse_incomplete
from core.imaging.codec.pages import PagesWriter, read_pages

__all__ = [
    "AnimationWriter",
    "Frame",
    "PagesWriter",
    "decode",
    "encode",
    "read_animation",
    "read_pages",
    "refuse_incomplete",
]
