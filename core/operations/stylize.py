"""A photograph as if it were painted."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from core.operations.base import Operation

if TYPE_CHECKING:
    from core.model import Raster
    from core.operations.pixels import Pixels


class Stylize(Operation, frozen=True, tag="stylize", kw_only=True):
    """Flatten what is alike and draw the edges, as in a watercolor (Gastal and Oliveira 2011); alpha stays.

    It is worked out in 8 bits, whatever the image has.
    """

    #: How far colors flow, in pixels.
    sigma_space: Annotated[float, Meta(ge=0, le=200)] = 60.0
    #: How alike colors must be to flow together, as a share of white.
    sigma_color: Annotated[float, Meta(ge=0, le=1)] = 0.45

    def apply(self, raster: "Raster") -> "Raster":
        import cv2
        import numpy as np

        from core.operations.pixels import on_colours

        def painted(pixels: "Pixels") -> "Pixels":
            flat: Pixels = cv2.convertScaleAbs(pixels, alpha=255 / raster.white).reshape(pixels.shape)
            is_grey = pixels.shape[2] == 1
            colour = np.repeat(flat, 3, axis=2) if is_grey else flat
            result: Pixels = cv2.stylization(colour, sigma_s=self.sigma_space, sigma_r=self.sigma_color)
            if is_grey:
                result = cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)
            wide: Pixels = result.astype(pixels.dtype) * (raster.white // 255)
            return wide

        return on_colours(raster, painted)
