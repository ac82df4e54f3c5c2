"""Division of images into the shares of a submission, one share for each child of the array job. Pure."""

import math
from collections.abc import Iterable, Sequence

from core.domain.model import Estimate, HandOver
from core.routing.batch_tiers import TIERS, Tier, tier_by_name

_SHARE_SECONDS = 300.0  # by estimate: Fargate bills at least a minute, and a child takes about 30 s to start
_SHARE_IMAGES = 50
_CHILDREN = 10_000  # of an array job: https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html
_ROUND_TRIPS = 5.0  # seconds of requests to S3 and SQS for one image, on top of its estimate
_UNESTIMATED = 60.0  # seconds assumed for an image without an estimate
_MARGIN = 1.5  # on the upper estimates, for the time-out
_START = 60  # seconds until a child begins its first image
#: Seconds: Batch's smallest time-out, and the time-out of a share with an image without an estimate.
SHORTEST, LONGEST = 60, 14_400


def tier_of(image: HandOver) -> Tier | None:
    """The tier that a hand-over names, or that its estimate needs; None if it has neither."""
    tier = tier_by_name(image.tier)
    if tier or image.estimate is None:
        return tier
    return smallest(image.estimate.peak_bytes_upper)


def smallest(needed: int) -> Tier:
    """The smallest tier whose worker has `needed` bytes; the largest tier if none has."""
    return next((tier for tier in TIERS if tier.worker_bytes >= needed), TIERS[-1])


def divide(images: Iterable[HandOver], tier: Tier) -> tuple[tuple[HandOver, ...], ...]:
    """Shares of about five minutes each and at most 50 images, sorted by time, so that short images share a child.

    With more than 10,000 shares, they are made larger.
    """
    ordered = sorted(images, key=lambda image: (seconds(image.estimate, tier), image.job.image_id), reverse=True)
    for widening in range(len(ordered).bit_length() + 1):
        shares = _cut(ordered, tier, 2**widening)
        if len(shares) <= _CHILDREN:
            break
    return shares


def seconds(estimate: Estimate | None, tier: Tier) -> float:
    """The expected seconds of an image on `tier`, requests to S3 and SQS included."""
    return _ROUND_TRIPS + (estimate.seconds(tier.vcpus) if estimate else _UNESTIMATED)


def seconds_upper(estimate: Estimate | None, tier: Tier) -> float:
    """As `seconds`, by the upper estimate."""
    return _ROUND_TRIPS + (estimate.seconds_upper(tier.vcpus) if estimate else _UNESTIMATED)


def timeout_seconds(shares: Sequence[Sequence[HandOver]], tier: Tier) -> int:
    """Batch's time-out for the longest share: the sum of its upper estimates, with a margin."""
    return max(_timeout(share, tier) for share in shares)


def _timeout(share: Sequence[HandOver], tier: Tier) -> int:
    if any(image.estimate is None for image in share):
        return LONGEST
    upper = sum(seconds_upper(image.estimate, tier) for image in share)
    return min(LONGEST, max(SHORTEST, math.ceil(_START + _MARGIN * upper)))


def _cut(ordered: Sequence[HandOver], tier: Tier, width: int) -> tuple[tuple[HandOver, ...], ...]:
    """Fill one share after the other; `width` multiplies the seconds and images of a share."""
    shares: list[list[HandOver]] = []
    seconds_left = 0.0
    for image in ordered:
        needed = seconds(image.estimate, tier)
        if not shares or needed > seconds_left or len(shares[-1]) >= _SHARE_IMAGES * width:
            shares.append([])
            seconds_left = _SHARE_SECONDS * width
        shares[-1].append(image)
        seconds_left -= needed
    return tuple(map(tuple, shares))
