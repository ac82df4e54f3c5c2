"""Making an ICC profile for a PNG that describes its colours by cICP, or by gAMA and cHRM.

Browsers apply these chunks, so people see the image that way. HDR (PQ, HLG) is not converted: its white exceeds sRGB.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from core.imaging.formats.png import PngColour

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_D65 = (0.3127, 0.3290)
# ITU-T H.273: x, y of red, green and blue for the primaries 1 (BT.709), 9 (BT.2020) and 12 (Display P3).
_PRIMARIES = {
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
# ITU-T H.273, transfer functions: BT.709 and three equal ones, gamma 2.2 and 2.8, linear, sRGB.
_CURVES: dict[int, tuple[float, ...]] = {
    **dict.fromkeys((1, 6, 14, 15), _BT709_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
    13: _SRGB_CURVE,
}
_SRGB_TOLERANCE = 0.02  # a gAMA this close to 1 / 2.2 stands for sRGB


def make_profile(colour: PngColour) -> bytes | None:
    """The equivalent ICC profile (version 4, three curves and a matrix); None if the colours are sRGB."""
    if colour.cicp is not None:
        primaries, transfer = colour.cicp
        if primaries not in _PRIMARIES or transfer not in _CURVES or (primaries, transfer) == (1, 13):
            return None
        return _profile((*_D65, *_PRIMARIES[primaries]), _CURVES[transfer])
    if colour.srgb or not colour.gamma or not 0.1 <= colour.gamma <= 10:  # noqa: PLR2004 - other values are senseless
        return None
    is_srgb_curve = abs(colour.gamma - 1 / 2.2) < _SRGB_TOLERANCE
    if is_srgb_curve and colour.chromaticities is None:
        return None
    return _profile(
        colour.chromaticities or (*_D65, *_PRIMARIES[1]), _SRGB_CURVE if is_srgb_curve else (1 / colour.gamma,)
    )


def _profile(chromaticities: tuple[float, ...], curve: tuple[float, ...]) -> bytes | None:
    points = np.array(chromaticities).reshape(4, 2)
    if (points <= 0).any() or (points >= 1).any():
        return None
    xyz = np.column_stack([points[:, 0] / points[:, 1], np.ones(4), (1 - points.sum(axis=1)) / points[:, 1]])
    white, colours = xyz[0], xyz[1:].T
    try:
        matrix = _adaptation(white) @ (colours * np.linalg.solve(colours, white))
    except np.linalg.LinAlgError:
        return None
    if np.abs(matrix).max() > 16:  # noqa: PLR2004 - the primaries are nearly equal
        return None
    kind = 0 if len(curve) == 1 else 3
    tone = struct.pack(f">4s4xH2x{len(curve)}i", b"para", kind, *(round(value * 65_536) for value in curve))
    elements = {b"wtpt": _xyz(_D50)}
    for name, column in zip((b"r", b"g", b"b"), matrix.T, strict=True):
        elements |= {name + b"XYZ": _xyz(column), name + b"TRC": tone}
    return _assemble(elements)


def _adaptation(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix of Bradford's adaptation from `white` to D50."""
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65_536) for value in values))


def _assemble(elements: dict[bytes, bytes]) -> bytes:
    """Assemble a profile from header, tag table and elements (ICC.1, section 7)."""
    table, data, start = struct.pack(">I", len(elements)), b"", 132 + 12 * len(elements)
    for name, element in elements.items():
        table += struct.pack(">4sII", name, start + len(data), len(element))
        data += element.ljust(-(-len(element) // 4) * 4, b"\0")
    size = start + len(data)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (head.ljust(68, b"\0") + _xyz(_D50)[8:]).ljust(128, b"\0") + table + data
