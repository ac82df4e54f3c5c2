"""Which kinds of file may be uploaded: their media types, as they are stored, and the endings of their names.

A browser knows the type of some; of the others the name tells. What a file really is, its first bytes say, later.
Nothing here can carry a script in a browser: no SVG, no HTML.
"""

TYPES = {
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/png": ("png", "apng"),
    "image/webp": ("webp",),
    "image/avif": ("avif",),
    "image/tiff": ("tif", "tiff"),
    "image/gif": ("gif",),
    "image/heic": ("heic",),
    "image/heif": ("heif", "hif"),
    "image/jp2": ("jp2", "j2k", "jpf", "jpx", "j2c", "jpc"),
    "image/vnd.adobe.photoshop": ("psd", "psb"),
    "image/bmp": ("bmp", "dib"),
    "image/x-tga": ("tga", "icb", "vda", "vst"),
    "image/vnd.ms-dds": ("dds",),
    "image/vnd.microsoft.icon": ("ico",),
    "image/icns": ("icns",),
    "image/x-pcx": ("pcx", "dcx"),
    "image/x-portable-anymap": ("pnm", "pbm", "pgm", "ppm", "pfm"),
    "image/sgi": ("sgi", "rgb", "rgba", "bw"),
    "image/qoi": ("qoi",),
    "image/x-sun-raster": ("ras",),
    "image/x-xbitmap": ("xbm",),
    "image/x-xpixmap": ("xpm",),
    "image/x-msp": ("msp",),
}
#: Other names that browsers have for them.
_ALSO = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/apng": "image/png",
    "image/x-png": "image/png",
    "image/jpeg2000": "image/jp2",
    "image/jpx": "image/jp2",
    "image/x-photoshop": "image/vnd.adobe.photoshop",
    "application/x-photoshop": "image/vnd.adobe.photoshop",
    "image/x-ms-bmp": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/x-targa": "image/x-tga",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/x-icns": "image/icns",
    "image/x-portable-bitmap": "image/x-portable-anymap",
    "image/x-portable-graymap": "image/x-portable-anymap",
    "image/x-portable-pixmap": "image/x-portable-anymap",
    "image/x-cmu-raster": "image/x-sun-raster",
}
_ENDINGS = {ending: kind for kind, endings in TYPES.items() for ending in endings}

#: Renditions that every browser of today shows.
SHOWN = ("jpeg", "png", "webp", "avif", "gif")


def accepted(said: str, name: str) -> str | None:
    """The media type that a file is stored with; None where it is of no kind that is taken."""
    kind = said.partition(";")[0].strip().lower()
    kind = _ALSO.get(kind, kind)
    if kind in TYPES:
        return kind
    _, dot, ending = name.rpartition(".")
    return _ENDINGS.get(ending.lower()) if dot else None


def of_format(name: str | None) -> str:
    """The media type of a source, by the format that its first bytes said it is; unknown: bytes, nothing to show."""
    return _ENDINGS.get(name or "", "application/octet-stream")
