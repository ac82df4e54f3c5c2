"""Parse the URI of an image in Amazon ECR."""

import re

import msgspec

_IMAGE_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[a-z0-9._/-]+)"
    r"(?::(?P<tag>[A-Za-z0-9._-]{1,128})|@(?P<digest>sha256:[0-9a-f]{64}))"
)


class EcrImage(msgspec.Struct, frozen=True):
    """An image in Amazon ECR. `version` is its tag, or its digest `sha256:…`."""

    account: str
    region: str
    repository: str
    version: str


def parse_ecr_uri(uri: str) -> EcrImage:
    """Parse `123456789012.dkr.ecr.eu-west-1.amazonaws.com/pictures:1.4`, or `…@sha256:…`. Raises ValueError."""
    match = _IMAGE_URI.fullmatch(uri)
    if not match:
        message = "must be <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>, or @sha256:<digest>"
        raise ValueError(message)
    return EcrImage(match["account"], match["region"], match["repository"], match["tag"] or match["digest"])
