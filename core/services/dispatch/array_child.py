"""The use case of a Batch child: bring its share of a submission to its end, one image after another.

An image has the whole container, and its part of the time that is left, by its estimate: what one does not use, those
behind it have. One that needs more than this tier is handed over to a larger one; only in the largest it ends failed.
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
from core.ports.worker import UnfitError
from core.routing import batch_tiers
from core.routing.batch_tiers import Tier
from core.services.dispatch import job_documents
from core.services.dispatch.array_partition import LONGEST
from core.services.processing.process import Processing

#: Batch says it to the children of an array, and to nobody else.
INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"
_ROUND_TRIPS = 5.0  # seconds of S3 and SQS that an image has besides its estimate
_UNKNOWN = 60.0  # seconds of an image without an estimate: it counts as a minute among the others
_RESERVE, _MOST_RESERVED = 0.1, 60.0  # of Batch's time-out, for the start of the container and the last upload
#: What does not answer for one image answers for no other; a full disk may have room for a smaller one.
_EVERYWHERE = frozenset({Code.STORE_UNAVAILABLE, Code.QUEUE_UNAVAILABLE})


class Ending(StrEnum):
    """What became of one image."""

    PROCESSED = "processed"
    FAILED = "failed"
    ENDED_BEFORE = "ended_before"
    HANDED_OVER = "handed_over"
    REFUSED = "refused"
    NOT_TRIED = "not_tried"
    UNAVAILABLE = "unavailable"
    MISCONFIGURED = "misconfigured"
    CRASHED = "crashed"


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one child has to do, out of its document."""

    work_id: str
    index: int
    tier: Tier
    images: tuple[HandOver, ...]
    #: Seconds for all of it, counted from the child's start; 0 where nobody ends it.
    timeout_seconds: int

    @property
    def seconds(self) -> float | None:
        """The time there is inside Batch's own time-out."""
        if not self.timeout_seconds:
            return None
        return self.timeout_seconds - min(_MOST_RESERVED, _RESERVE * self.timeout_seconds)


def read(key: str, store: ObjectStore, environ: Mapping[str, str]) -> Share:
    """The share of this child.

    Raises Refusal(INVALID_REQUEST) for a key or an index of nothing, Misconfigured(INVALID_RESULT) for a document that
    is none or that names no tier.
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
    """How a share ended, image by image."""

    share: Share
    endings: list[Ending] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
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
class Sharing:
    """Works on shares. `say` is told a line for each image; `clock` is `time.monotonic`, but in tests."""

    processing: Processing
    handovers: Handovers
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    def work(self, share: Share, started: float) -> Report:
        """Bring every image to its end, in order, by the end of the time that began at `started` on the clock.

        No image harms another; but where S3 or SQS do not answer, the rest waits for the next attempt.
        """
        report, service = Report(share), self._placed(share)
        deadline = None if share.seconds is None else started + share.seconds
        weights = [_weight(image, share.tier) for image in share.images]
        for number, image in enumerate(share.images):
            seconds = None
            if deadline is not None:
                seconds = (deadline - self.clock()) * weights[number] / sum(weights[number:])
            ending, words, go_on = self._end(service, image, share, seconds)
            report.endings.append(ending)
            self.say(f"{image.job.image_id} {image.job.customer} {ending}{f': {words}' if words else ''}")
            if not go_on:
                break
        report.endings += [Ending.NOT_TRIED] * (len(share.images) - len(report.endings))
        return report

    def _placed(self, share: Share) -> Processing:
        """The service as it is in this tier: the document says which, not the environment.

        A container may see more CPUs than it was given, and a laptop has fewer.
        """
        tier, images = share.tier, max(1, len(share.images))
        vcpus = min(self.processing.vcpus, float(tier.vcpus))
        return replace(self.processing, tier=tier.name, vcpus=vcpus, companions=images)

    def _end(
        self, service: Processing, image: HandOver, share: Share, seconds: float | None
    ) -> tuple[Ending, str, bool]:
        if seconds is not None and seconds <= 0:
            return Ending.NOT_TRIED, "no time is left to begin with it.", False
        larger = batch_tiers.next_tier(share.tier)
        spared = _spared(share, larger)
        try:
            outcome = service.process(image.job, None, seconds, spared, image.reason)
        except UnfitError as unfit:
            return self._hand_over(image, unfit, share.tier)
        except PicturePerfectError as error:
            return _kept(error)
        except Exception:  # noqa: BLE001 - a fault of ours in one image; the others get their turn
            return Ending.CRASHED, traceback.format_exc(), True
        return _ended(outcome)

    def _hand_over(self, image: HandOver, unfit: UnfitError, here: Tier) -> tuple[Ending, str, bool]:
        larger = batch_tiers.next_tier(here)
        if larger is None:  # planning refuses there what fits nowhere
            return Ending.CRASHED, f"nothing is larger than this tier: {unfit.reason}", True
        wished = batch_tiers.tier_by_name(unfit.tier)
        tier = wished if wished and wished.memory_mb > larger.memory_mb else larger
        estimate = unfit.estimate or (None if unfit.misjudged else image.estimate)
        given = HandOver(job=image.job, reason=unfit.reason, tier=tier.name, estimate=estimate, attempt=image.attempt)
        key = msgspec.structs.replace(image, tier=here.name).passed_on_key
        try:
            self.processing.create(key, msgspec.json.encode(given), "application/json")
            self.handovers.hand_over(given.job, given.reason, given.tier, given.estimate, given.attempt)
            self.processing.metrics.hand_over(Route.BATCH, unfit.code, self.processing.now())
        except PicturePerfectError as error:
            return _kept(error)
        return Ending.HANDED_OVER, f"to {tier.name}: {unfit.reason}", True


def _spared(share: Share, larger: Tier | None) -> frozenset[Code]:
    """What does not end an image here: too little memory, and the too little time of a wrong estimate."""
    if larger is None:
        return frozenset()
    is_by_estimate = 0 < share.timeout_seconds < LONGEST
    return frozenset({Code.OUT_OF_MEMORY, Code.TIMED_OUT} if is_by_estimate else {Code.OUT_OF_MEMORY})


def _weight(image: HandOver, tier: Tier) -> float:
    return _ROUND_TRIPS + (image.estimate.seconds_upper(tier.vcpus) if image.estimate else _UNKNOWN)


def _ended(outcome: Outcome) -> tuple[Ending, str, bool]:
    result = outcome.result
    words = f"{result.code}: {result.message}" if result.status is Status.FAILED else f"{result.usage.seconds:.2f} s"
    if outcome.duplicate:
        return Ending.ENDED_BEFORE, result.status.value, True
    return Ending(result.status.value), words, True


def _kept(error: PicturePerfectError) -> tuple[Ending, str, bool]:
    """What became of an image that is not committed."""
    match error:
        case Unavailable():
            return Ending.UNAVAILABLE, str(error), error.code not in _EVERYWHERE
        case Refusal():  # another content has its identity, and has ended
            return Ending.REFUSED, str(error), True
        case _:
            return Ending.MISCONFIGURED, str(error), True
