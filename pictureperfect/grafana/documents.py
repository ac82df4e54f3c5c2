"""Puts a Grafana's data sources and a stack's names into dashboards and alert rules of the repository."""

from collections.abc import Mapping
from typing import Any

from core.domain.model import Value

Json = dict[str, Any]


class StackNames(Value, frozen=True):
    """`stack` is the name in infra/settings.toml, `namespace` the functions' METRICS_NAMESPACE."""

    stack: str = "picture-perfect"
    namespace: str = "PicturePerfect"
    region: str = "default"


#: The names in the repository's documents.
_DEFAULT = StackNames()


def with_data_sources(document: Json, uids: Mapping[str, str]) -> Json:
    """The document with the data sources' uids replaced. `uids`: uid in the repository → uid in that Grafana."""
    replaced: Json = _replace_strings(document, uids)
    return replaced


def for_stack(document: Json, names: StackNames) -> Json:
    """The document with the stack's names in the queries of rules and in the variables of dashboards."""
    renamed: Json = _rename(document, names)
    return renamed


def _replace_strings(value: Any, uids: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _replace_strings(each, uids) for key, each in value.items()}
    if isinstance(value, list):
        return [_replace_strings(each, uids) for each in value]
    return uids.get(value, value) if isinstance(value, str) else value


def _rename(value: Any, names: StackNames) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_rename(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    if "current" in value and value.get("name") in StackNames.__struct_fields__:
        return _variable(value, getattr(names, value["name"]))
    renamed = {key: _rename(each, names) for key, each in value.items()}
    if "metricName" in renamed:
        if renamed["namespace"] == _DEFAULT.namespace:
            renamed["namespace"] = names.namespace
        if renamed["region"] == _DEFAULT.region:
            renamed["region"] = names.region
        renamed["dimensions"] = {key: _resource_name(name, names) for key, name in renamed["dimensions"].items()}
    return renamed


def _variable(variable: Json, value: str) -> Json:
    """A dashboard's variable with another value chosen."""
    chosen = {**variable, "current": {**variable["current"], "text": value, "value": value}}
    return {**chosen, "query": value} if variable["type"] == "textbox" else chosen


def _resource_name(name: str, names: StackNames) -> str:
    """The name of a queue or function of the stack, which begins with the stack's name."""
    prefix = f"{_DEFAULT.stack}-"
    return f"{names.stack}-{name.removeprefix(prefix)}" if name.startswith(prefix) else name
