"""Grafana's macros and variables in a panel's query, replaced as Grafana does.

https://grafana.com/docs/grafana/v11.6/datasources/postgres/query-editor/#macros
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")


def substituted(text: str, since: datetime, until: datetime, variables: Mapping[str, str | Sequence[str]]) -> str:
    """The statement for PostgreSQL. Raises KeyError for a missing variable, ValueError for an unknown macro."""

    def variable(match: re.Match[str]) -> str:
        value = variables[match[1]]
        values = [value] if isinstance(value, str) else value
        if match[2] != "sqlstring":
            raise ValueError(f"{match[0]} would not be quoted")
        return ",".join("'" + each.replace("'", "''") + "'" for each in values)

    start, end = _time(since), _time(until)
    text = _VARIABLE.sub(variable, text)
    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN '{start}' AND '{end}'", text)
    text = text.replace("$__timeFrom()", f"'{start}'").replace("$__timeTo()", f"'{end}'")
    text = re.sub(r"\$__timeGroupAlias\((\w+), ?'(\d+)([smhdw])'\)", _group, text)
    left = re.search(r"\$\w+", re.sub(r"'[^']*'", "''", text))
    if left:
        raise ValueError(f"{left[0]} is not known")
    return text


def _group(match: re.Match[str]) -> str:
    seconds = int(match[2]) * _SECONDS[match[3]]
    return f'floor(extract(epoch from {match[1]})/{seconds})*{seconds} AS "time"'


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
