"""Dashboards as the JSON that Grafana reads; the same code gives the same text."""

import json
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON
    """An object of the SDK as plain JSON values."""
    return json.loads(json.dumps(value, cls=JSONEncoder))


def number_panels(board: dashboard.Dashboard) -> dict[str, Any]:
    """The dashboard as JSON, its panels numbered from the top, so that links and alert rules can refer to them."""
    content: dict[str, Any] = to_json(board.build())
    number = 0
    for panel in content["panels"]:
        for each in (panel, *panel.get("panels", [])):
            number += 1
            each["id"] = number
    content["id"] = None  # each Grafana assigns its own
    return content


def to_text(document: object) -> str:
    """JSON with sorted keys, as the generated files hold it."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
