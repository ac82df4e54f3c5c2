"""The Lambda function of the operator, inside the database's network: `{"action": …}` says what is to be done.

`reconcile` is asked for by a schedule; `migrate` and `replay` by whoever deploys.
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from core import bootstrap
from core.errors import Code, PicturePerfectError, Refusal


def migrate(environ: Mapping[str, str]) -> dict[str, Any]:
    """Bring the database to this release's schema."""
    return {"migrated": bootstrap.migrate(environ)}


def replay(environ: Mapping[str, str]) -> dict[str, Any]:
    """Record everything there is, from the beginning."""
    recorded: list[int] = []
    failed = bootstrap.recording(environ).replay(recorded.append)
    return {"replayed": sum(recorded) - len(failed), "failed": _told(failed)}


def reconcile(environ: Mapping[str, str]) -> dict[str, Any]:
    """Take up what has waited for too long."""
    report = bootstrap.reconciling(environ).reconcile()
    return {
        "looked_at": report.looked_at,
        "handed_over": report.handed_over,
        "abandoned": report.abandoned,
        "failed": _told(report.failures),
    }


ACTIONS: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "migrate": migrate,
    "reconcile": reconcile,
    "replay": replay,
}


def answer(event: Any, environ: Mapping[str, str]) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """Do what is asked for. Raises PicturePerfectError: the caller, or the schedule, hears of it."""
    action = event.get("action") if isinstance(event, dict) else None
    if not isinstance(action, str) or action not in ACTIONS:
        raise Refusal(Code.INVALID_EVENT, f"action: {action!r} is none of {', '.join(ACTIONS)}.")
    return ACTIONS[action](environ)


def _told(failed: Mapping[str, PicturePerfectError]) -> list[str]:
    """Each into the log; the keys into the answer."""
    for key, error in failed.items():
        print(f"{key}: {error}", file=sys.stderr)  # noqa: T201 - the function's log
    return list(failed)


def handle(event: Any, _context: object) -> dict[str, Any]:  # noqa: ANN401 - whatever is sent
    """The entry point: `handler.admin.handle`."""
    return answer(event, os.environ)
