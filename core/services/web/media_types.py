"""Media types that may be uploaded, and their file extensions.

Browsers know the type of some files; the extension tells that of others. The worker later reads the first bytes.
No type here can carry a script in a browser, as SVG and HTML can.
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
#: Media types that browsers send, and the type to store instead.
_ALIASES = {
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
_TYPE_BY_EXTENSION = {extension: media_type for media_type, names in TYPES.items() for extension in names}

#: Formats that all current browsers show.
SHOWN = ("jpeg", "png", "webp", "avif", "gif")


def accepted_type(browser_type: str, name: str) -> str | None:
    """The media type to store a file with, by the browser's type, else by its name; None if it is not accepted."""
    media_type = browser_type.partition(";")[0].strip().lower()
    media_type = _ALIASES.get(media_type, media_type)
    if media_type in TYPES:
        return media_type
    _, dot, extension = name.rpartition(".")
    return _TYPE_BY_EXTENSION.get(extension.lower()) if dot else None


def type_of_format(name: str | None) -> str:
    """The media type of an image format such as `jpeg`; `application/octet-stream` if it has none."""
    return _TYPE_BY_EXTENSION.get(name or "", "application/octet-stream")
