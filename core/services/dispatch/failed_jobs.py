"""What becomes of the images of a Batch job that failed.

A child works on its images in order, so that the first which has not ended, and was not handed over, is the one that it
failed over; those behind it were not tried, and are not to blame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.model import HandOver, Result, Value
from core.routing import batch_tiers
from core.services.dispatch import job_documents
from core.services.dispatch.job_events import Fate, JobFailed
from core.services.dispatch.leases import Claims, Place, fresh, newest
from core.services.processing.commit import Committing


class LostImage(Value, frozen=True, kw_only=True):
    """One image of the job. `place` is where it was sent last, `is_here` whether that is this job still.

    `given_on` is what the child wrote of it when it handed it over, by a message that may be on its way yet.
    """

    wanted: HandOver
    result: Result | None
    place: Place | None
    is_here: bool
    given_on: HandOver | None = None


@dataclass(frozen=True)
class Verdict:
    """Who ends failed, with which code; and who is submitted, again or to a larger tier."""

    ended: Sequence[tuple[HandOver, Code]]
    again: Sequence[HandOver]


def gather(failed: JobFailed, committing: Committing, claims: Claims) -> list[LostImage]:
    """The images of the job, or share, in the order in which they were worked on. Raises Refusal, Misconfigured."""
    key = object_keys.work_key(failed.work_id)
    body = committing.store.read(key)
    if body is None:
        raise Refusal(Code.INVALID_EVENT, f"A Batch job of {key} failed, but there is no such object.")
    work = job_documents.decode(body, key)
    if failed.index is not None and failed.index >= len(work.shares):
        raise Refusal(Code.INVALID_EVENT, f"Share {failed.index} of {key} failed, which has {len(work.shares)}.")
    claims.mark(failed.work_id)  # what has failed was submitted
    chosen = work.shares if failed.index is None else work.shares[failed.index : failed.index + 1]
    return [_look(image, work, committing, claims) for share in chosen for image in share]


def judge(failed: JobFailed, images: Sequence[LostImage]) -> Verdict:
    """Decide. The same however often and however late it is asked, and whatever was done of it before. Pure."""
    left = [image for image in images if image.result is None]
    here = [image.wanted for image in left if image.is_here and image.given_on is None]
    given_on = [image.given_on for image in left if image.is_here and image.given_on]
    # What another submission has by now is looked after there, unless its maker died: the claim says
    elsewhere = [_at(image.wanted, image.place) for image in left if not image.is_here and image.place]
    ended, again = _decide(failed, here, _culprit(failed, images))
    words = {"reason": failed.reason}
    return Verdict(ended, [*elsewhere, *given_on, *(msgspec.structs.replace(one, **words) for one in again)])


def _decide(
    failed: JobFailed, here: list[HandOver], culprit: HandOver | None
) -> tuple[list[tuple[HandOver, Code]], list[HandOver]]:
    match failed.fate:
        case Fate.CANCELLED:
            return [(image, Code.CANCELLED) for image in here], []
        case Fate.NOT_STARTED:
            return [(image, Code.NOT_STARTED) for image in here], []
        case Fate.INTERRUPTED | Fate.MISCONFIGURED:
            final = [(image, Code.WORKER_CRASHED) for image in here if _is_repeated(image)]
            return final, [_later(image, image.attempt + 1) for image in here if not _is_repeated(image)]
        case Fate.CRASHED if culprit and not _is_repeated(culprit):
            return [], [_later(image, image.attempt + 1) for image in here]
        case Fate.OUT_OF_MEMORY if here and (larger := _above(here[0])):
            return [], [msgspec.structs.replace(image, tier=larger) for image in here]
    code = {Fate.OUT_OF_MEMORY: Code.OUT_OF_MEMORY, Fate.TIMED_OUT: Code.TIMED_OUT}.get(
        failed.fate, Code.WORKER_CRASHED
    )
    others = [_later(image, fresh(image.attempt)) for image in here if image is not culprit]
    return [(image, code) for image in here if image is culprit], others


def _culprit(failed: JobFailed, images: Sequence[LostImage]) -> HandOver | None:
    """The image that was being worked on; None where an earlier delivery of this event has seen to it."""
    for image in images:
        if image.result is None and image.is_here and image.given_on is None:
            return image.wanted
        if image.place and image.place.attempt > image.wanted.attempt:
            return None
        if image.result and image.result.committed_at > failed.at:
            return None
    return None


def _look(image: HandOver, work: job_documents.BatchWork, committing: Committing, claims: Claims) -> LostImage:
    wanted = msgspec.structs.replace(image, tier=work.tier)
    result = committing.standing(image.job)
    place = None if result else newest(committing.store, image.job)
    is_here = place is None or claims.read(image.job, place).work_id == work.work_id
    given_on = _given_on(wanted, committing) if is_here and result is None else None
    return LostImage(wanted=wanted, result=result, place=place, is_here=is_here, given_on=given_on)


def _given_on(wanted: HandOver, committing: Committing) -> HandOver | None:
    key = wanted.passed_on_key
    body = committing.store.read(key)
    return (
        stored_documents.decode_stored(body, HandOver, key, "a job that was handed over") if body is not None else None
    )


def _above(image: HandOver) -> str:
    tier = batch_tiers.tier_by_name(image.tier)
    if tier is None:
        raise Misconfigured(Code.INVALID_RESULT, f"There is no tier {image.tier!r}.")
    larger = batch_tiers.next_tier(tier)
    return larger.name if larger else ""


def _is_repeated(image: HandOver) -> bool:
    return image.attempt % 2 == 1


def _later(image: HandOver, attempt: int) -> HandOver:
    return msgspec.structs.replace(image, attempt=attempt)


def _at(image: HandOver, place: Place) -> HandOver:
    return msgspec.structs.replace(image, tier=place.tier.name, attempt=place.attempt)
