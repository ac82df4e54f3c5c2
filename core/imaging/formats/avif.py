"""The bit depth of an AVIF, which Pillow does not report."""

from pathlib import Path


def read_bits(path: Path) -> int:
    """Bits per channel, 8, 10 or 12, by the AV1 configuration (the av1C box of ISO 23000-22)."""
    with path.open("rb") as file:
        head = file.read(65_536)
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    if not flags & 0x40:  # high_bitdepth
        return 8
    return 12 if flags & 0x20 else 10  # twelve_bit
