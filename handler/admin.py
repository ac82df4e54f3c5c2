"""The Lambda function of the operator, inside the database's network: `{"action": …}` says what is to be done.

`reconcile` is asked for by a schedule; `migrate` and `replay` by whoever deploys; `image` and `report` by who wants to
know what the database has, and cannot reach it.
"""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import msgspec

from core.bootstrap import admin, ledger, record
from core.domain import log
from core.domain.errors import Code, PicturePerfectError, Refusal
from core.services.reporting import ReportRequest

_RESERVE = timedelta(seconds=60)  # of the function's time: a page of sources of which each waits for an answer of S3


class Context(Protocol):
    """What Lambda says of an invocation."""

    def get_remaining_time_in_millis(self) -> int: ...


def migrate(environ: Mapping[str, str], _time: timedelta, _event: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the database to this release's schema."""
    return {"migrated": ledger.migrate(environ)}


def replay(environ: Mapping[str, str], _time: timedelta, _event: Mapping[str, Any]) -> dict[str, Any]:
    """Record everything there is, from the beginning."""
    recorded: list[int] = []
    failed = record.recorder(environ).replay(recorded.append)
    return {"replayed": sum(recorded) - len(failed), "failed": _told(failed)}


def reconcile(environ: Mapping[str, str], time: timedelta, _event: Mapping[str, Any]) -> dict[str, Any]:
    """Take up what has waited for too long; what the time is too short for is the next round's."""
    report = admin.reconciler(environ).reconcile(time)
    told = _told(report.failures)
    return {
        "looked_at": report.looked_at,
        "handed_over": report.handed_over,
        "abandoned": report.abandoned,
        "refused": report.refused,
        "failed": told,
        "not_told": report.failed - len(told),
        "whole": report.is_whole,
    }


def image(environ: Mapping[str, str], _time: timedelta, event: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `image_id` with its renditions; None where the database has none, or none yet."""
    try:
        wanted = str(UUID(event.get("image_id")))
    except (ValueError, TypeError, AttributeError) as error:
        raise Refusal(Code.INVALID_REQUEST, f"image_id: {event.get('image_id')!r} is no UUID.") from error
    return {"image": ledger.image_row(environ, wanted)}


def report(environ: Mapping[str, str], _time: timedelta, event: Mapping[str, Any]) -> dict[str, Any]:
    """A report, or a page of its rows, as core.services.reporting.ReportRequest describes."""
    with ledger.report_service(environ) as reports:
        try:
            asked = msgspec.convert({name: value for name, value in event.items() if name != "action"}, ReportRequest)
        except msgspec.ValidationError as error:
            raise Refusal(Code.INVALID_REQUEST, f"No report was made: {error}") from error
        answer: dict[str, Any] = msgspec.to_builtins(asked.answer(reports))
        return answer


ACTIONS: dict[str, Callable[[Mapping[str, str], timedelta, Mapping[str, Any]], dict[str, Any]]] = {
    "image": image,
    "migrate": migrate,
    "reconcile": reconcile,
    "replay": replay,
    "report": report,
}


def answer(
    event: Any,  # noqa: ANN401 - whatever is sent
    environ: Mapping[str, str],
    time: timedelta = timedelta.max,
) -> dict[str, Any]:
    """Do what is asked for within `time`, where it can be divided.

    Raises PicturePerfectError: the caller, or the schedule, hears of it.
    """
    action = event.get("action") if isinstance(event, dict) else None
    if not isinstance(action, str) or action not in ACTIONS:
        raise Refusal(Code.INVALID_EVENT, f"action: {action!r} is none of {', '.join(ACTIONS)}.")
    return ACTIONS[action](environ, time, event)


def _told(failed: Mapping[str, PicturePerfectError]) -> list[str]:
    """Each into the log; the keys into the answer."""
    for key, error in failed.items():
        log.say(f"{key}: {error}")
    return list(failed)


def handle(event: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """The entry point: `handler.admin.handle`."""
    left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    return answer(event, os.environ, max(left - _RESERVE, timedelta()))
