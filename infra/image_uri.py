"""The name of an image in Amazon ECR, taken apart."""

import re

import msgspec

_IMAGE_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[a-z0-9._/-]+)"
    r"(?::(?P<tag>[A-Za-z0-9._-]{1,128})|@(?P<digest>sha256:[0-9a-f]{64}))"
)


class EcrImage(msgspec.Struct, frozen=True):
    """An image in ECR, taken apart."""

    account: str
    region: str
    repository: str
    version: str


def ecr_image(uri: str) -> EcrImage:
    """`123456789012.dkr.ecr.eu-west-1.amazonaws.com/pictures:1.4`, or `…@sha256:…`. Raises ValueError."""
    found = _IMAGE_URI.fullmatch(uri)
    if not found:
        message = "must be <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>, or @sha256:<digest>"
        raise ValueError(message)
    return EcrImage(found["account"], found["region"], found["repository"], found["tag"] or found["digest"])
