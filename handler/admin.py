"""The operator's Lambda function, inside the database's VPC. `{"action": …}` in its event selects an action.

A schedule invokes `reconcile`; a deployment invokes `migrate` and `replay`; `image` and `report` read the database for
operators who cannot reach it.
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

_RESERVE = timedelta(seconds=60)  # of the function's time, for the last page of sources


class Context(Protocol):
    """The second argument of a Lambda handler."""

    def get_remaining_time_in_millis(self) -> int: ...


def migrate(environ: Mapping[str, str], _time: timedelta, _event: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the database to this release's schema."""
    return {"migrated": ledger.migrate(environ)}


def replay(environ: Mapping[str, str], _time: timedelta, _event: Mapping[str, Any]) -> dict[str, Any]:
    """Record all results and tombstones again."""
    recorded: list[int] = []
    failed = record.recorder(environ).replay(recorded.append)
    return {"replayed": sum(recorded) - len(failed), "failed": _log_errors(failed)}


def reconcile(environ: Mapping[str, str], time: timedelta, _event: Mapping[str, Any]) -> dict[str, Any]:
    """Run one round of the reconciler, within `time`; the next round continues after it."""
    summary = admin.reconciler(environ).reconcile(time)
    failed = _log_errors(summary.failures)
    return {
        "looked_at": summary.looked_at,
        "handed_over": summary.handed_over,
        "abandoned": summary.abandoned,
        "refused": summary.refused,
        "failed": failed,
        "not_told": summary.failed - len(failed),
        "whole": summary.is_whole,
    }


def image(environ: Mapping[str, str], _time: timedelta, event: Mapping[str, Any]) -> dict[str, Any]:
    """The database row of `image_id` with its renditions; None if there is no row, or none yet."""
    try:
        image_id = str(UUID(event.get("image_id")))
    except (ValueError, TypeError, AttributeError) as error:
        raise Refusal(Code.INVALID_REQUEST, f"image_id: {event.get('image_id')!r} is not a UUID.") from error
    return {"image": ledger.image_row(environ, image_id)}


def report(environ: Mapping[str, str], _time: timedelta, event: Mapping[str, Any]) -> dict[str, Any]:
    """A report, or a page of its rows, as core.services.reporting.ReportRequest describes."""
    with ledger.report_service(environ) as reports:
        try:
            request = msgspec.convert({name: value for name, value in event.items() if name != "action"}, ReportRequest)
        except msgspec.ValidationError as error:
            raise Refusal(Code.INVALID_REQUEST, f"No report was made: {error}") from error
        answer: dict[str, Any] = msgspec.to_builtins(request.answer(reports))
        return answer


ACTIONS: dict[str, Callable[[Mapping[str, str], timedelta, Mapping[str, Any]], dict[str, Any]]] = {
    "image": image,
    "migrate": migrate,
    "reconcile": reconcile,
    "replay": replay,
    "report": report,
}


def answer(
    event: Any,  # noqa: ANN401 - any JSON
    environ: Mapping[str, str],
    time: timedelta = timedelta.max,
) -> dict[str, Any]:
    """Run the action of an event; `time` limits actions that can stop in between.

    Raises PicturePerfectError, which Lambda returns to the caller.
    """
    action = event.get("action") if isinstance(event, dict) else None
    if not isinstance(action, str) or action not in ACTIONS:
        raise Refusal(Code.INVALID_EVENT, f"action: {action!r} is none of {', '.join(ACTIONS)}.")
    return ACTIONS[action](environ, time, event)


def _log_errors(failed: Mapping[str, PicturePerfectError]) -> list[str]:
    """Log each error; returns the keys for the answer."""
    for key, error in failed.items():
        log.say(f"{key}: {error}")
    return list(failed)


def handle(event: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The entry point: `handler.admin.handle`."""
    left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    return answer(event, os.environ, max(left - _RESERVE, timedelta()))
