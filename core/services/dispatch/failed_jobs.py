"""Decide about the images of a Batch job that failed: which end failed, and which are submitted again.

A child processes its images in order. So the first image that has no result and was not handed over is the culprit;
the images after it were not tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.model import HandOver, Result, Value
from core.routing import batch_tiers
from core.services.dispatch import job_documents
from core.services.dispatch.attempts import attempt_of, with_attempt
from core.services.dispatch.job_events import FailureCause, JobFailed
from core.services.dispatch.leases import DispatchSlot, Leases, newest_slot
from core.services.processing.commit import ResultCommitter


class FailedJobImage(Value, frozen=True, kw_only=True):
    """One image of the job. `slot` is that of its newest lease; `is_here`: whether that lease is of this job.

    `passed_on` is the hand-over that the child wrote under `passed_on_key`; its message may still be on its way.
    """

    hand_over: HandOver
    result: Result | None
    slot: DispatchSlot | None
    is_here: bool
    passed_on: HandOver | None = None


@dataclass(frozen=True)
class Verdict:
    """The images that end failed, with their code, and the images to submit again, or to a larger tier."""

    ended: Sequence[tuple[HandOver, Code]]
    resubmitted: Sequence[HandOver]


def gather(failed: JobFailed, committer: ResultCommitter, leases: Leases) -> list[FailedJobImage]:
    """The images of the job, or of one share, in the order of processing. Raises Refusal, Misconfigured."""
    key = object_keys.work_key(failed.work_id)
    body = committer.store.read(key)
    if body is None:
        raise Refusal(Code.INVALID_EVENT, f"A Batch job of {key} failed, but there is no such object.")
    work = job_documents.decode(body, key)
    if failed.index is not None and failed.index >= len(work.shares):
        raise Refusal(Code.INVALID_EVENT, f"Share {failed.index} of {key} failed, which has {len(work.shares)}.")
    leases.mark_submitted(failed.work_id)  # a job that failed was submitted
    shares = work.shares if failed.index is None else work.shares[failed.index : failed.index + 1]
    return [_look_up(image, work, committer, leases) for share in shares for image in share]


def judge(failed: JobFailed, images: Sequence[FailedJobImage]) -> Verdict:
    """Decide about the images. Pure; a repeated call decides the same, also after a part of it was executed."""
    unended = [image for image in images if image.result is None]
    here = [image.hand_over for image in unended if image.is_here and image.passed_on is None]
    passed_on = [image.passed_on for image in unended if image.is_here and image.passed_on]
    # Leased by another submission, whose dispatcher may have died: the lease says so when it is resubmitted
    moved = [_at(image.hand_over, image.slot) for image in unended if not image.is_here and image.slot]
    ended, again = _decide(failed, here, _culprit(failed, images))
    again = [msgspec.structs.replace(image, reason=failed.reason) for image in again]
    return Verdict(ended, [*moved, *passed_on, *again])


def _decide(
    failed: JobFailed, here: list[HandOver], culprit: HandOver | None
) -> tuple[list[tuple[HandOver, Code]], list[HandOver]]:
    match failed.cause:
        case FailureCause.CANCELLED:
            return [(image, Code.CANCELLED) for image in here], []
        case FailureCause.NOT_STARTED:
            return [(image, Code.NOT_STARTED) for image in here], []
        case FailureCause.INTERRUPTED | FailureCause.MISCONFIGURED:
            ended = [(image, Code.WORKER_CRASHED) for image in here if attempt_of(image).is_retry]
            firsts = [image for image in here if not attempt_of(image).is_retry]
            return ended, [with_attempt(image, attempt_of(image).following()) for image in firsts]
        case FailureCause.CRASHED if culprit and not attempt_of(culprit).is_retry:
            return [], [with_attempt(image, attempt_of(image).following()) for image in here]
        case FailureCause.OUT_OF_MEMORY if here and (larger := _larger_tier(here[0])):
            return [], [msgspec.structs.replace(image, tier=larger) for image in here]
    code = {FailureCause.OUT_OF_MEMORY: Code.OUT_OF_MEMORY, FailureCause.TIMED_OUT: Code.TIMED_OUT}.get(
        failed.cause, Code.WORKER_CRASHED
    )
    untried = [with_attempt(image, attempt_of(image).next_generation()) for image in here if image is not culprit]
    return [(image, code) for image in here if image is culprit], untried


def _culprit(failed: JobFailed, images: Sequence[FailedJobImage]) -> HandOver | None:
    """The image that the child was processing; None if an earlier delivery of this event has decided about it."""
    for image in images:
        if image.result is None and image.is_here and image.passed_on is None:
            return image.hand_over
        if image.slot and image.slot.attempt > attempt_of(image.hand_over):
            return None
        if image.result and image.result.committed_at > failed.at:
            return None
    return None


def _look_up(
    image: HandOver, work: job_documents.BatchWork, committer: ResultCommitter, leases: Leases
) -> FailedJobImage:
    hand_over = msgspec.structs.replace(image, tier=work.tier)
    result = committer.standing(image.job)
    slot = None if result else newest_slot(committer.store, image.job)
    is_here = slot is None or leases.read(image.job, slot).work_id == work.work_id
    passed_on = _read_passed_on(hand_over, committer) if is_here and result is None else None
    return FailedJobImage(hand_over=hand_over, result=result, slot=slot, is_here=is_here, passed_on=passed_on)


def _read_passed_on(hand_over: HandOver, committer: ResultCommitter) -> HandOver | None:
    key = hand_over.passed_on_key
    body = committer.store.read(key)
    return (
        stored_documents.decode_stored(body, HandOver, key, "a job that was handed over") if body is not None else None
    )


def _larger_tier(image: HandOver) -> str:
    """The name of the next larger tier; empty above the largest."""
    tier = batch_tiers.tier_by_name(image.tier)
    if tier is None:
        raise Misconfigured(Code.INVALID_RESULT, f"There is no tier {image.tier!r}.")
    larger = batch_tiers.next_tier(tier)
    return larger.name if larger else ""


def _at(image: HandOver, slot: DispatchSlot) -> HandOver:
    return with_attempt(msgspec.structs.replace(image, tier=slot.tier.name), slot.attempt)
