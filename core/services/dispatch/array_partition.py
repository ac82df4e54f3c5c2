"""How jobs are divided among the children of a submission. Pure."""

import math
from collections.abc import Iterable, Sequence

from core.domain.model import Estimate, HandOver
from core.routing.batch_tiers import TIERS, Tier, tier_by_name

_SECONDS = 300.0  # of a share, by estimate: Fargate bills at least a minute, and a child starts in about half of one
_IMAGES = 50
_CHILDREN = 10_000  # of an array: https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html
_ROUND_TRIPS = 5.0  # seconds of S3 and SQS that an image has besides its estimate
_UNKNOWN = 60.0  # seconds of an image without an estimate, beside others
_MARGIN = 1.5  # of a time-out, on what is hardly exceeded already
_START = 60  # seconds until the first image
#: Seconds: what Batch asks for at least, and what is there where nobody knows.
SHORTEST, LONGEST = 60, 14_400


def tier_of(wanted: HandOver) -> Tier | None:
    """The tier that a hand-over asks for, by its name or its estimate; None where it says neither."""
    tier = tier_by_name(wanted.tier)
    if tier or wanted.estimate is None:
        return tier
    return smallest(wanted.estimate.peak_bytes_upper)


def smallest(needed: int) -> Tier:
    """The smallest that has so many bytes for the worker; the largest where none has."""
    return next((tier for tier in TIERS if tier.worker_bytes >= needed), TIERS[-1])


def divide(images: Iterable[HandOver], tier: Tier) -> tuple[tuple[HandOver, ...], ...]:
    """Shares of about five minutes each, at most 50 images; like with like, so that small ones share a child."""
    ordered = sorted(images, key=lambda image: (seconds(image.estimate, tier), image.job.image_id), reverse=True)
    for widening in range(len(ordered).bit_length() + 1):
        shares = _cut(ordered, tier, 2**widening)
        if len(shares) <= _CHILDREN:
            break
    return shares


def seconds(estimate: Estimate | None, tier: Tier) -> float:
    """What an image will take there, all in all."""
    return _ROUND_TRIPS + (estimate.seconds(tier.vcpus) if estimate else _UNKNOWN)


def timeout_seconds(shares: Sequence[Sequence[HandOver]], tier: Tier) -> int:
    """Batch's time-out for the longest share: its upper estimates, with margin."""
    return max(_timeout(share, tier) for share in shares)


def _timeout(share: Sequence[HandOver], tier: Tier) -> int:
    upper = 0.0
    for image in share:
        if image.estimate is None:
            return LONGEST
        upper += _ROUND_TRIPS + image.estimate.seconds_upper(tier.vcpus)
    return min(LONGEST, max(SHORTEST, math.ceil(_START + _MARGIN * upper)))


def _cut(ordered: Sequence[HandOver], tier: Tier, width: int) -> tuple[tuple[HandOver, ...], ...]:
    shares: list[list[HandOver]] = []
    left = 0.0
    for image in ordered:
        one = seconds(image.estimate, tier)
        if not shares or one > left or len(shares[-1]) >= _IMAGES * width:
            shares.append([])
            left = _SECONDS * width
        shares[-1].append(image)
        left -= one
    return tuple(map(tuple, shares))
