"""Dashboards and alert rules as they are in the repository, made one Grafana's and one stack's own."""

from collections.abc import Mapping
from typing import Any

from core.domain.model import Value

Json = dict[str, Any]


class Place(Value, frozen=True):
    """What a stack is called, and where it is: as infra/settings.toml and METRICS_NAMESPACE say, and by default."""

    stack: str = "picture-perfect"
    namespace: str = "PicturePerfect"
    region: str = "default"


_DEFAULT = Place()


def with_source(document: Json, sources: Mapping[str, str]) -> Json:
    """The document, each uid of `sources` replaced by that Grafana's own."""
    replaced: Json = _replaced(document, sources)
    return replaced


def in_place(document: Json, place: Place) -> Json:
    """The document: rules ask for that stack, and the variables of dashboards say it first."""
    found: Json = _placed(document, place)
    return found


def _replaced(value: Any, sources: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _replaced(each, sources) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, sources) for each in value]
    return sources.get(value, value) if isinstance(value, str) else value


def _placed(value: Any, place: Place) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_placed(each, place) for each in value]
    if not isinstance(value, dict):
        return value
    if "current" in value and value.get("name") in Place.__struct_fields__:
        return _variable(value, getattr(place, value["name"]))
    found = {key: _placed(each, place) for key, each in value.items()}
    if "metricName" in found:
        if found["namespace"] == _DEFAULT.namespace:
            found["namespace"] = place.namespace
        if found["region"] == _DEFAULT.region:
            found["region"] = place.region
        found["dimensions"] = {name: _own(said, place) for name, said in found["dimensions"].items()}
    return found


def _variable(variable: Json, value: str) -> Json:
    """What may be chosen at the top of a dashboard, with another choice made."""
    chosen = {**variable, "current": {**variable["current"], "text": value, "value": value}}
    return {**chosen, "query": value} if variable["type"] == "textbox" else chosen


def _own(name: str, place: Place) -> str:
    """The name of one of the stack's parts."""
    begins = f"{_DEFAULT.stack}-"
    return f"{place.stack}-{name.removeprefix(begins)}" if name.startswith(begins) else name
