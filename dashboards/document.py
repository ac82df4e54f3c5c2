"""A dashboard as the JSON that Grafana keeps: the same text for the same code."""

import json
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder


def plain(value: object) -> Any:  # noqa: ANN401 - JSON
    """What the SDK built, as JSON's plain values."""
    return json.loads(json.dumps(value, cls=JSONEncoder))


def of(board: dashboard.Dashboard) -> dict[str, Any]:
    """The dashboard, its panels numbered from the top: links and alerts may name them."""
    found: dict[str, Any] = plain(board.build())
    number = 0
    for panel in found["panels"]:
        for each in (panel, *panel.get("panels", [])):
            number += 1
            each["id"] = number
    found["id"] = None  # another Grafana has another
    return found


def text(document: object) -> str:
    """As it is kept."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
