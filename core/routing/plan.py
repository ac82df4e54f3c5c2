"""Header + pipeline + estimate + limits → plan. Pure. Refuses impossible images before a pixel is decoded."""

from enum import StrEnum
from math import inf

from core.domain.errors import Code, ImageFailure
from core.domain.model import Estimate, ImageHeader, Plan, Route, Value
from core.imaging.operations.base import Operation
from core.pipelines.definition import Pipeline
from core.routing.batch_tiers import TIERS, Tier, next_tier, tier_by_name

#: Lambda gives one vCPU for each 1,769 MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_PER_VCPU = 1769
_MB = 2**20


class Policy(StrEnum):
    """The route of an image that fits both Lambda and Batch."""

    #: To Lambda, which starts at once.
    LATENCY = "latency"
    #: To the cheaper one. Batch is priced as a job of the image's own.
    COST = "cost"


class Limits(Value, frozen=True, kw_only=True):
    """The operator's limits. Megapixels count the displayed pixels of all decoded frames or pages."""

    max_megapixels: float
    max_bytes: int
    #: Larger images go to Batch and smaller ones stay, whatever the estimate. 0: the estimate routes.
    lambda_max_megapixels: float = 0.0
    policy: Policy = Policy.LATENCY
    #: Seconds that one image may take in a Batch job.
    max_seconds: float = 14_400.0


class Capacity(Value, frozen=True, kw_only=True):
    """The resources of the current process for one image, on `route`.

    `memory_bytes` is the worker's child's, `seconds` the time left, `tier` the name of the Batch tier ("" outside
    Batch), `machine` the architecture as `uname -m` prints it. `can_hand_over`: whether a larger place can take the
    image. If False, it is tried here regardless.
    """

    route: Route
    memory_bytes: float = inf
    vcpus: float = 1.0
    seconds: float = inf
    tier: str = ""
    can_hand_over: bool = False
    machine: str = "x86_64"


def plan(
    header: ImageHeader, pipeline: Pipeline, limits: Limits, capacity: Capacity, estimate: Estimate | None = None
) -> Plan:
    """The route of an image: stay with `capacity`, or the Batch tier that the plan names.

    Raises ImageFailure with the figures: TOO_MANY_BYTES, TOO_MANY_PIXELS, RESULT_TOO_LARGE, TOO_MUCH_MEMORY,
    TOO_MUCH_TIME.
    """
    megapixels = _refuse_large_sources(header, pipeline, limits)
    _refuse_large_results(header, pipeline, limits)
    if estimate is None:
        reason = f"The image has {megapixels:.4g} megapixels, which is within the limits."
        return Plan(route=capacity.route, reason=reason, tier=capacity.tier)
    unfit = _exceeded(megapixels, limits, capacity, estimate) or _cheaper_in_batch(limits, capacity, estimate)
    if unfit and capacity.can_hand_over:
        tier = _tier_to_hand_over_to(capacity, smallest_tier(estimate, limits.max_seconds))
        if tier:
            return Plan(route=Route.BATCH, reason=unfit, tier=tier.name, estimate=estimate)
    reason = unfit or (
        f"The image needs about {estimate.peak_bytes / _MB:,.0f} MB and {estimate.seconds(capacity.vcpus):,.2g} s on "
        f"{capacity.vcpus:.3g} vCPUs, which are available here."
    )
    return Plan(route=capacity.route, reason=reason, tier=capacity.tier, estimate=estimate)


def smallest_tier(estimate: Estimate, seconds: float) -> Tier:
    """The smallest Batch tier with enough memory that finishes the image within `seconds`.

    Raises ImageFailure(TOO_MUCH_MEMORY or TOO_MUCH_TIME) if there is none.
    """
    fitting = [tier for tier in TIERS if estimate.peak_bytes_upper <= tier.worker_bytes]
    if not fitting:
        raise ImageFailure(
            Code.TOO_MUCH_MEMORY,
            f"The image needs up to {estimate.peak_bytes_upper / _MB:,.0f} MB of memory; the largest tier of AWS Batch "
            f"has {TIERS[-1].worker_bytes / _MB:,.0f} MB.",
        )
    for tier in fitting:
        if estimate.seconds_upper(tier.vcpus) <= seconds:
            return tier
    vcpus = fitting[-1].vcpus
    raise ImageFailure(
        Code.TOO_MUCH_TIME,
        f"The image takes up to {estimate.seconds_upper(vcpus):,.0f} seconds on {vcpus} vCPUs; the limit is "
        f"{seconds:,.0f} seconds.",
    )


def _tier_to_hand_over_to(capacity: Capacity, fitting: Tier) -> Tier | None:
    """`fitting`, but from a Batch job always a larger tier than the job's; None from the largest."""
    current = tier_by_name(capacity.tier)
    if current is None or fitting.memory_mb > current.memory_mb:
        return fitting
    return next_tier(current)


def _exceeded(megapixels: float, limits: Limits, capacity: Capacity, estimate: Estimate) -> str:
    """The first limit or resource of `capacity` that the image exceeds, as a sentence; empty if it fits."""
    if limits.lambda_max_megapixels and capacity.route is Route.LAMBDA:
        if megapixels <= limits.lambda_max_megapixels:
            return ""
        return (
            f"The image has {megapixels:,.4g} megapixels; images above {limits.lambda_max_megapixels:,.6g} go to Batch."
        )
    if estimate.peak_bytes_upper > capacity.memory_bytes:
        return (
            f"The image needs up to {estimate.peak_bytes_upper / _MB:,.0f} MB of memory; "
            f"{capacity.memory_bytes / _MB:,.0f} MB are available here."
        )
    seconds = estimate.seconds_upper(capacity.vcpus)
    # Not in Batch: the time-out of a Batch attempt was made from the estimates of its images.
    if seconds > capacity.seconds and capacity.route is Route.LAMBDA:
        return (
            f"The image takes up to {seconds:,.1f} seconds on {capacity.vcpus:.3g} vCPUs; "
            f"{capacity.seconds:,.1f} seconds are left here."
        )
    return ""


def _cheaper_in_batch(limits: Limits, capacity: Capacity, estimate: Estimate) -> str:
    """Both prices, as a sentence, if the policy is COST and Batch is cheaper; otherwise empty.

    Batch bills a minute at least. Several small images may share a job and that minute, but the comparison does not
    count on it: an image goes to Batch only if a job of its own is cheaper.
    """
    if limits.policy is not Policy.COST or capacity.route is not Route.LAMBDA or not capacity.can_hand_over:
        return ""
    from core.routing import prices  # noqa: PLC0415 - only the policy COST reads the price file

    price, machine = prices.load(), capacity.machine
    tier = smallest_tier(estimate, limits.max_seconds)
    lambda_usd = price.lambda_usd(estimate.seconds(capacity.vcpus), capacity.vcpus * MB_PER_VCPU, machine)
    batch_usd = price.batch_usd(estimate.seconds(tier.vcpus), tier, machine)
    return (
        f"The image costs ${lambda_usd:.2g} in Lambda and ${batch_usd:.2g} in Batch." if batch_usd < lambda_usd else ""
    )


def _refuse_large_sources(header: ImageHeader, pipeline: Pipeline, limits: Limits) -> float:
    """The megapixels that will be decoded, of all frames or pages together. Raises ImageFailure above the limits."""
    if header.bytes > limits.max_bytes:
        raise ImageFailure(
            Code.TOO_MANY_BYTES, f"The file has {header.bytes:,} bytes; the limit is {limits.max_bytes:,}."
        )
    count = pipeline.frames_of(header) * pipeline.pages_of(header)  # one of the two is 1
    megapixels = header.width * header.height * count / 1e6
    if megapixels > limits.max_megapixels:
        frames = f" in {count:,} {'pages' if header.format == 'tiff' else 'frames'}" if count > 1 else ""
        raise ImageFailure(
            Code.TOO_MANY_PIXELS,
            f"{header.width:,} × {header.height:,}{frames} is {megapixels:,.4g} megapixels; "  # noqa: RUF001
            f"the limit is {limits.max_megapixels:,.6g}.",
        )
    return megapixels


def _refuse_large_results(header: ImageHeader, pipeline: Pipeline, limits: Limits) -> None:
    shared = _size_after(pipeline.steps, (header.width, header.height), limits)
    for rendition in pipeline.renditions:
        size = _size_after(rendition.steps, shared, limits)
        for output in rendition.outputs:
            output.refuse_larger(*size)


def _size_after(steps: tuple[Operation, ...], size: tuple[int, int], limits: Limits) -> tuple[int, int]:
    """(width, height) after `steps`. Raises ImageFailure if a step enlarges the image above `max_megapixels`."""
    before = size
    for step in steps:
        size = step.output_size(*size)
        megapixels = size[0] * size[1] / 1e6
        if megapixels > limits.max_megapixels and size[0] * size[1] > before[0] * before[1]:
            raise ImageFailure(
                Code.RESULT_TOO_LARGE,
                f"The step {type(step).__struct_config__.tag} would make {size[0]:,} × {size[1]:,} pixels, "  # noqa: RUF001
                f"{megapixels:,.4g} megapixels; the limit is {limits.max_megapixels:,.6g}.",
            )
    return size
