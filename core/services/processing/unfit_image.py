"""The decision that an image needs a larger place, as a value, and the tier that it needs after a failed try. Pure."""

from contextlib import suppress

from core.domain.errors import Code, ImageFailure
from core.domain.model import Estimate, Value
from core.ports.worker import WorkerFailure
from core.routing.batch_tiers import TIERS, next_tier, tier_by_name
from core.routing.plan import smallest_tier

#: Failure codes that may not occur with more memory, more time and an empty disk.
RETRY_ELSEWHERE = frozenset({Code.OUT_OF_MEMORY, Code.TIMED_OUT, Code.WORKER_UNAVAILABLE})


class Unfit(Value, frozen=True, kw_only=True):
    """An image without a result that needs more memory or time. Its source is in the store; `reason` is a sentence.

    `code` is the failure of the try here; None if the estimate forbade a try. `tier` names the smallest Batch tier
    that `estimate` fits; empty if unknown. `misjudged`: the image took longer than its estimate, which is left out.
    """

    reason: str
    code: Code | None = None
    tier: str = ""
    estimate: Estimate | None = None
    misjudged: bool = False


def unfit_after_failure(
    failure: WorkerFailure,
    estimate: Estimate | None,
    *,
    tier: str,
    vcpus: float,
    memory_bytes: float,
    max_seconds: float,
) -> Unfit:
    """The tier that an image needs after `failure` ended it on `tier` (empty outside Batch).

    `vcpus` and `memory_bytes` are those of the failed try; `max_seconds` is the limit for one image in Batch.
    """
    misjudged = failure.code is Code.TIMED_OUT and (
        estimate is None or failure.usage.seconds > estimate.seconds_upper(vcpus)
    )
    here, needed = tier_by_name(tier), None
    if estimate:
        with suppress(ImageFailure):
            needed = smallest_tier(estimate, max_seconds)
    if failure.code is Code.OUT_OF_MEMORY:
        larger = [other for other in TIERS if other.worker_bytes > memory_bytes]
        larger = [other for other in larger if needed is None or other.memory_mb >= needed.memory_mb]
        needed = larger[0] if larger else needed
    elif needed is None or (here and needed.memory_mb <= here.memory_mb):
        needed = next_tier(here) if here else needed
    return Unfit(
        reason=failure.message,
        code=failure.code,
        tier=needed.name if needed else "",
        estimate=None if misjudged else estimate,
        misjudged=misjudged,
    )
