"""Work of one Batch child: process the images of its share, one after another.

Each image has the whole container, and a part of the time that is left, by its estimate: time that an image does not
use is left to the images after it. An image that needs more than this tier is handed over to a larger tier; on the
largest tier it ends failed.
"""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from core.domain import object_keys
from core.domain.errors import Code, Misconfigured, PicturePerfectError, Refusal, Unavailable
from core.domain.model import HandOver, Outcome, Route, Status
from core.ports.queues import Handovers
from core.ports.store import ObjectStore
from core.routing import batch_tiers
from core.routing.batch_tiers import Tier
from core.services.dispatch import job_documents
from core.services.dispatch.array_partition import LONGEST, seconds_upper
from core.services.processing.process import ImageProcessor
from core.services.processing.unfit_image import Unfit

#: The variable that Batch sets for the children of an array job only.
INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"
_RESERVE, _MOST_RESERVED = 0.1, 60.0  # share and seconds of Batch's time-out, for the start and the last upload
#: Failures of a service that every image needs. A full disk is not among them: a smaller image may fit.
_AFFECTS_ALL = frozenset({Code.STORE_UNAVAILABLE, Code.QUEUE_UNAVAILABLE})


class Ending(StrEnum):
    """The ending of one image in this child."""

    PROCESSED = "processed"
    FAILED = "failed"
    ENDED_BEFORE = "ended_before"
    HANDED_OVER = "handed_over"
    REFUSED = "refused"
    NOT_TRIED = "not_tried"
    UNAVAILABLE = "unavailable"
    MISCONFIGURED = "misconfigured"
    CRASHED = "crashed"


@dataclass(frozen=True)
class ImageEnding:
    """The ending of one image, with details for the log; `stop`: the images after it are left to the next attempt."""

    ending: Ending
    details: str
    stop: bool = False


@dataclass(frozen=True, kw_only=True)
class Share:
    """The images of one child. `timeout_seconds` counts from the child's start; 0 if Batch has no time-out for it."""

    work_id: str
    index: int
    tier: Tier
    images: tuple[HandOver, ...]
    timeout_seconds: int

    @property
    def seconds(self) -> float | None:
        """The seconds that the child may use, less than Batch's time-out; None if there is none."""
        if not self.timeout_seconds:
            return None
        return self.timeout_seconds - min(_MOST_RESERVED, _RESERVE * self.timeout_seconds)


def read_share(key: str, store: ObjectStore, environ: Mapping[str, str]) -> Share:
    """The share of this child, out of the document at `key`.

    Raises Refusal(INVALID_REQUEST) if there is no such document or share, Misconfigured(INVALID_RESULT) if the
    document is unreadable or names an unknown tier.
    """
    if not key.startswith(object_keys.BATCHES):
        raise Refusal(Code.INVALID_REQUEST, f"{key!r} is not {object_keys.work_key('<work id>')}.")
    body = store.read(key)
    if body is None:
        raise Refusal(Code.INVALID_REQUEST, f"There is no object {key} in {store.bucket}.")
    work = job_documents.decode(body, key)
    tier = batch_tiers.tier_by_name(work.tier)
    if tier is None:
        known = ", ".join(tier.name for tier in batch_tiers.TIERS)
        raise Misconfigured(Code.INVALID_RESULT, f"{key} is for the tier {work.tier!r}; there are {known}.")
    text = environ.get(INDEX, "0")
    if not text.isdecimal() or int(text) >= len(work.shares):
        raise Refusal(Code.INVALID_REQUEST, f"{INDEX} is {text!r}, and {key} has {len(work.shares)} shares.")
    index = int(text)
    return Share(
        work_id=work.work_id,
        index=index,
        tier=tier,
        images=work.shares[index],
        timeout_seconds=work.timeout_seconds,
    )


@dataclass
class Report:
    """The endings of the images of a share."""

    share: Share
    endings: list[Ending] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The report as JSON: the share, and how many images had each ending."""
        counts = {ending.value: self.endings.count(ending) for ending in Ending if ending in self.endings}
        share = self.share
        return {
            "work_id": share.work_id,
            "share": share.index,
            "tier": share.tier.name,
            "images": len(share.images),
            **counts,
        }


@dataclass(frozen=True, kw_only=True)
class ArrayChild:
    """Processes shares. `write_line` gets one log line for each image; tests replace `clock`."""

    processor: ImageProcessor
    handovers: Handovers
    write_line: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    def process(self, share: Share, started: float) -> Report:
        """Process the images in order. `started` is the start of the child, on `clock`.

        A failure of one image does not affect the others, but if S3 or SQS do not answer, the remaining images are
        left to the next attempt.
        """
        report, processor = Report(share), self._processor_of(share)
        deadline = None if share.seconds is None else started + share.seconds
        weights = [seconds_upper(image.estimate, share.tier) for image in share.images]
        for number, image in enumerate(share.images):
            seconds = None
            if deadline is not None:
                seconds = (deadline - self.clock()) * weights[number] / sum(weights[number:])
            ended = self._process_image(processor, image, share, seconds)
            report.endings.append(ended.ending)
            details = f": {ended.details}" if ended.details else ""
            self.write_line(f"{image.job.image_id} {image.job.customer} {ended.ending}{details}")
            if ended.stop:
                break
        report.endings += [Ending.NOT_TRIED] * (len(share.images) - len(report.endings))
        return report

    def _processor_of(self, share: Share) -> ImageProcessor:
        """The processor with the share's tier. A container may see more CPUs than its tier has, and a laptop fewer."""
        tier, images = share.tier, max(1, len(share.images))
        vcpus = min(self.processor.vcpus, float(tier.vcpus))
        return replace(self.processor, tier=tier.name, vcpus=vcpus, images_in_job=images)

    def _process_image(
        self, processor: ImageProcessor, image: HandOver, share: Share, seconds: float | None
    ) -> ImageEnding:
        if seconds is not None and seconds <= 0:
            return ImageEnding(Ending.NOT_TRIED, "no time is left to begin with it.", stop=True)
        try:
            decision = processor.try_process(
                image.job, None, seconds, retry_elsewhere=_retry_elsewhere(share), route_reason=image.reason
            )
            match decision:
                case Unfit():
                    return self._hand_over(image, decision, share.tier)
                case Outcome():
                    return _ending_of(decision)
        except PicturePerfectError as error:
            return _uncommitted(error)
        except Exception:  # noqa: BLE001 - a bug that one image meets must not end the others
            return ImageEnding(Ending.CRASHED, traceback.format_exc())

    def _hand_over(self, image: HandOver, unfit: Unfit, here: Tier) -> ImageEnding:
        larger = batch_tiers.next_tier(here)
        if larger is None:  # unreachable: on the largest tier nothing is retried elsewhere
            return ImageEnding(Ending.CRASHED, f"nothing is larger than this tier: {unfit.reason}")
        needed = batch_tiers.tier_by_name(unfit.tier)
        tier = needed if needed and needed.memory_mb > larger.memory_mb else larger
        estimate = unfit.estimate or (None if unfit.misjudged else image.estimate)
        handed_over = msgspec.structs.replace(image, reason=unfit.reason, tier=tier.name, estimate=estimate)
        key = msgspec.structs.replace(image, tier=here.name).passed_on_key
        committer = self.processor.committer
        committer.create(key, msgspec.json.encode(handed_over), "application/json")
        self.handovers.hand_over(image.job, unfit.reason, tier.name, estimate, image.attempt)
        committer.metrics.hand_over(Route.BATCH, unfit.code, committer.now())
        return ImageEnding(Ending.HANDED_OVER, f"to {tier.name}: {unfit.reason}")


def _retry_elsewhere(share: Share) -> frozenset[Code]:
    """The failure codes that a larger tier may avoid: out of memory, and a time-out that an estimate set too short."""
    if batch_tiers.next_tier(share.tier) is None:
        return frozenset()
    is_by_estimate = 0 < share.timeout_seconds < LONGEST
    return frozenset({Code.OUT_OF_MEMORY, Code.TIMED_OUT} if is_by_estimate else {Code.OUT_OF_MEMORY})


def _ending_of(outcome: Outcome) -> ImageEnding:
    result = outcome.result
    if outcome.duplicate:
        return ImageEnding(Ending.ENDED_BEFORE, result.status.value)
    failed = result.status is Status.FAILED
    details = f"{result.code}: {result.message}" if failed else f"{result.usage.seconds:.2f} s"
    return ImageEnding(Ending(result.status.value), details)


def _uncommitted(error: PicturePerfectError) -> ImageEnding:
    """The ending of an image that has no result."""
    match error:
        case Unavailable():
            return ImageEnding(Ending.UNAVAILABLE, str(error), stop=error.code in _AFFECTS_ALL)
        case Refusal():  # the result of other content has its image id
            return ImageEnding(Ending.REFUSED, str(error))
        case _:
            return ImageEnding(Ending.MISCONFIGURED, str(error))
