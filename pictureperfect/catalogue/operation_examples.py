"""An example for each operation: a step as in a pipeline file, and pictures on which its effect is visible."""

from dataclasses import dataclass

from pictureperfect.catalogue.operation_pictures import CORNERS


@dataclass(frozen=True)
class Example:
    """A step in YAML, and the names of its pictures; several for a measurement, so that its values differ."""

    step: str
    pictures: tuple[str, ...]


_CORNERS = ", ".join(f"[{x}, {y}]" for x, y in CORNERS)

#: Examples by the operation's name. A test checks that every operation has one.
EXAMPLES: dict[str, Example] = {
    "attention-crop": Example("attention-crop: {width: 240, height: 320}", ("balloon",)),
    "bilateral-blur": Example("bilateral-blur: {sigma_space: 5, sigma_color: 60}", ("grainy",)),
    "blur": Example("blur: {sigma: 6}", ("dawn",)),
    "brightness": Example("brightness: {factor: 2.2}", ("dark",)),
    "color-map": Example("color-map: {map: inferno}", ("noon",)),
    "contrast": Example("contrast: {limit: 3}", ("flat",)),
    "crop": Example("crop: {width: 320, height: 320, gravity: west}", ("dawn",)),
    "denoise": Example("denoise: {strength: 18, color_strength: 24}", ("grainy",)),
    "deskew": Example("deskew: {}", ("askew",)),
    "detail": Example("detail: {amount: 2.5}", ("noon",)),
    "flip": Example("flip: {direction: horizontal}", ("balloon",)),
    "gamma": Example("gamma: {gamma: 2}", ("dark",)),
    "grayscale": Example("grayscale: {}", ("dusk",)),
    "image-watermark": Example("image-watermark: {image: logo.png, size: 0.22}", ("dawn",)),
    "median-blur": Example("median-blur: {size: 3}", ("peppered",)),
    "pad": Example("pad: {all: 60, mode: reflect}", ("dusk",)),
    "perceptual-hash": Example("perceptual-hash: {}", ("dawn", "small-copy", "dusk")),
    "perspective": Example(f"perspective: {{corners: [{_CORNERS}], width: 384, height: 448}}", ("photographed",)),
    "pixelate": Example("pixelate: {x: 246, y: 333, width: 148, height: 40, size: 10}", ("plate",)),
    "resize": Example("resize: {width: 320, height: 320, fit: cover}", ("dusk",)),
    "rotate": Example('rotate: {angle: 8, background: "#f4c95d"}', ("noon",)),
    "saturation": Example("saturation: {factor: 2}", ("pale",)),
    "sharpen": Example("sharpen: {sigma: 1.5, amount: 2}", ("soft",)),
    "sharpness": Example("sharpness: {}", ("crisp", "soft")),
    "stylize": Example("stylize: {sigma_space: 30, sigma_color: 0.4}", ("balloon",)),
    "text-watermark": Example('text-watermark: {text: "© Fjord Pictures", size: 0.09, opacity: 0.8}', ("dusk",)),
    "threshold": Example("threshold: {by: adaptive, size: 41, offset: 14}", ("shaded",)),
    "trim": Example("trim: {}", ("framed",)),
    "white-balance": Example("white-balance: {}", ("yellow",)),
}
