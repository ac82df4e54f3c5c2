"""Image files and pixels: headers, formats, codecs and operations."""
