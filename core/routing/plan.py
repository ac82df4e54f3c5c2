"""Header + pipeline + estimate + limits → plan. Pure: what cannot be done is refused before a pixel is decoded."""

from enum import StrEnum
from math import inf

from core.domain.errors import Code, ImageFailure
from core.domain.model import Estimate, ImageHeader, Plan, Route, Value
from core.imaging.operations.base import Operation
from core.pipelines.definition import Pipeline
from core.routing.batch_tiers import TIERS, Tier, above, named

#: What Lambda gives a whole vCPU for: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_OF_A_VCPU = 1769
_MB = 2**20


class Policy(StrEnum):
    """What decides where an image may be worked on at either place."""

    #: The function, since it begins at once.
    LATENCY = "latency"
    #: Whatever is cheaper, a Batch child of its own taken for granted.
    COST = "cost"


class Limits(Value, frozen=True, kw_only=True):
    """What the operator lets an image take. Megapixels are of all frames that are decoded, as displayed."""

    max_megapixels: float
    max_bytes: int
    #: Images of more leave the function, those of fewer stay, whatever the estimate says; 0: the estimate decides.
    lambda_max_megapixels: float = 0.0
    policy: Policy = Policy.LATENCY
    #: What one image may take of a Batch job, in seconds.
    max_seconds: float = 14_400.0


class Place(Value, frozen=True, kw_only=True):
    """Where an image is: what there is for it. `tier` names the Batch tier, where it is one's job.

    Where `elsewhere` is false nothing takes what does not fit: it is tried here. `machine` is the architecture.
    """

    route: Route
    memory_bytes: float = inf
    vcpus: float = 1.0
    seconds: float = inf
    tier: str = ""
    elsewhere: bool = False
    machine: str = "x86_64"


def plan(
    header: ImageHeader, pipeline: Pipeline, limits: Limits, place: Place, estimate: Estimate | None = None
) -> Plan:
    """Where the image is worked on: at `place`, or in the tier that the plan names.

    Raises ImageFailure: TOO_MANY_BYTES, TOO_MANY_PIXELS, RESULT_TOO_LARGE, TOO_MUCH_MEMORY, TOO_MUCH_TIME, each with
    its numbers.
    """
    megapixels = _refuse_beyond(header, pipeline, limits)
    _refuse_large_results(header, pipeline, limits)
    if estimate is None:
        reason = f"{megapixels:.4g} megapixels are within the limits of this place."
        return Plan(route=place.route, reason=reason, tier=place.tier)
    why = _why_not(megapixels, limits, place, estimate) or _why_cheaper(limits, place, estimate)
    tier = _elsewhere(place, smallest_tier(estimate, limits.max_seconds)) if why and place.elsewhere else None
    if tier:
        return Plan(route=Route.BATCH, reason=why, tier=tier.name, estimate=estimate)
    reason = why or f"It needs about {_figures(estimate, place)}, which there is."
    return Plan(route=place.route, reason=reason, tier=place.tier, estimate=estimate)


def _elsewhere(place: Place, wanted: Tier) -> Tier | None:
    """Where it goes: from Batch only upwards, and from the largest tier nowhere."""
    here = named(place.tier)
    if here is None or wanted.memory_mb > here.memory_mb:
        return wanted
    return above(here)


def smallest_tier(estimate: Estimate, seconds: float) -> Tier:
    """The smallest Batch tier that will hold it, within so many seconds.

    Raises ImageFailure(TOO_MUCH_MEMORY or TOO_MUCH_TIME) where none will.
    """
    roomy = [tier for tier in TIERS if estimate.peak_bytes_upper <= tier.worker_bytes]
    if not roomy:
        raise ImageFailure(
            Code.TOO_MUCH_MEMORY,
            f"It needs up to {estimate.peak_bytes_upper / _MB:,.0f} MB of memory; the largest tier of AWS Batch has "
            f"{TIERS[-1].worker_bytes / _MB:,.0f} MB.",
        )
    for tier in roomy:
        if estimate.seconds_upper(tier.vcpus) <= seconds:
            return tier
    vcpus = roomy[-1].vcpus
    raise ImageFailure(
        Code.TOO_MUCH_TIME,
        f"It takes up to {estimate.seconds_upper(vcpus):,.0f} seconds on {vcpus} vCPUs; {seconds:,.0f} is the limit.",
    )


def _why_not(megapixels: float, limits: Limits, place: Place, estimate: Estimate) -> str:
    """Why the image does not stay where it is; empty where it may."""
    if limits.lambda_max_megapixels and place.route is Route.LAMBDA:
        if megapixels <= limits.lambda_max_megapixels:
            return ""
        return f"It has {megapixels:,.4g} megapixels; above {limits.lambda_max_megapixels:,.6g} they go to Batch."
    if estimate.peak_bytes_upper > place.memory_bytes:
        return (
            f"It needs up to {estimate.peak_bytes_upper / _MB:,.0f} MB of memory; "
            f"there are {place.memory_bytes / _MB:,.0f} MB here."
        )
    seconds = estimate.seconds_upper(place.vcpus)
    if seconds > place.seconds and place.route is Route.LAMBDA:  # in Batch an attempt's time was made for its share
        return f"It takes up to {seconds:,.1f} seconds on {place.vcpus:.3g} vCPUs; there are {place.seconds:,.1f} here."
    return ""


def _why_cheaper(limits: Limits, place: Place, estimate: Estimate) -> str:
    """Why the image goes to Batch for the sake of money; empty where that is not asked for, or not so.

    A child of Batch is billed for a minute at least. That small ones share one, where there are several, is not
    counted on: so only what is cheaper there alone goes there.
    """
    if limits.policy is not Policy.COST or place.route is not Route.LAMBDA or not place.elsewhere:
        return ""
    from core.routing import prices  # noqa: PLC0415 - for those who ask for it alone

    asked, machine = prices.load(), place.machine
    tier = smallest_tier(estimate, limits.max_seconds)
    here = asked.lambda_usd(estimate.seconds(place.vcpus), place.vcpus * MB_OF_A_VCPU, machine)
    there = asked.batch_usd(estimate.seconds(tier.vcpus), tier, machine)
    return f"It costs ${here:.2g} in the function and ${there:.2g} in Batch." if there < here else ""


def _figures(estimate: Estimate, place: Place) -> str:
    return f"{estimate.peak_bytes / _MB:,.0f} MB and {estimate.seconds(place.vcpus):,.2g} s on {place.vcpus:.3g} vCPUs"


def _refuse_beyond(header: ImageHeader, pipeline: Pipeline, limits: Limits) -> float:
    """The megapixels that will be decoded, of all frames or pages together."""
    if header.bytes > limits.max_bytes:
        raise ImageFailure(
            Code.TOO_MANY_BYTES, f"The file has {header.bytes:,} bytes; the limit is {limits.max_bytes:,}."
        )
    taken = pipeline.frames_of(header) * pipeline.pages_of(header)  # one of the two is 1
    megapixels = header.width * header.height * taken / 1e6
    if megapixels > limits.max_megapixels:
        frames = f" in {taken:,} {'pages' if header.format == 'tiff' else 'frames'}" if taken > 1 else ""
        raise ImageFailure(
            Code.TOO_MANY_PIXELS,
            f"{header.width:,} × {header.height:,}{frames} is {megapixels:,.4g} megapixels; "  # noqa: RUF001
            f"the limit is {limits.max_megapixels:,.6g}.",
        )
    return megapixels


def _refuse_large_results(header: ImageHeader, pipeline: Pipeline, limits: Limits) -> None:
    shared = _after(pipeline.steps, (header.width, header.height), limits)
    for rendition in pipeline.renditions:
        size = _after(rendition.steps, shared, limits)
        for output in rendition.outputs:
            output.refuse_larger(*size)


def _after(steps: tuple[Operation, ...], size: tuple[int, int], limits: Limits) -> tuple[int, int]:
    """The size after `steps`. A step may not make more pixels than an image may bring."""
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
