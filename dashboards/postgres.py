"""Queries of PostgreSQL: the files of dashboards/sql, as Grafana's query editor saves them.

The SDK has no type for them, since the PostgreSQL plug-in publishes no schema.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from dashboards.names import POSTGRES

Format = Literal["table", "time_series"]
_FOLDER = Path(__file__).parent / "sql"
_UUID = r"^\s*([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\s*$"
_TYPED_ID = f"substring(${{image:sqlstring}} FROM '{_UUID}')"
#: Expressions that several files share, by the name that stands for them as `{{ name }}`.
FRAGMENTS = {
    "in_months": "month BETWEEN date_trunc('month', $__timeFrom()::timestamp)::date AND $__timeTo()::timestamp::date",
    "failed_share": "sum(failed)::float8 / nullif(sum(images), 0)",
    "usd_per_thousand": "1000 * sum(usd) / nullif(sum(images), 0)",
    "of_customer": "customer = ${customer:sqlstring}",
    # An array: for no value Grafana inserts nothing, and `IN ()` would be an error
    "of_pipelines": "$__timeFilter(day) AND pipeline = ANY (ARRAY[${pipeline:sqlstring}]::text[])",
    "typed_id": _TYPED_ID,
    # A text that is not an id becomes NULL, which finds nothing, so that no panel fails
    "of_image": f"image_id = {_TYPED_ID}::uuid",
}


def load_sql(name: str, fragments: Mapping[str, str] = FRAGMENTS) -> str:
    """The statement in `dashboards/sql/<name>.sql`, without comments. `fragments` are added to FRAGMENTS.

    Raises KeyError for a fragment that is not given.
    """
    lines = (_FOLDER / f"{name}.sql").read_text("utf-8").splitlines()
    statement = "\n".join(line for line in lines if not line.startswith("--"))
    known = {**FRAGMENTS, **fragments}

    def expand(text: str) -> str:
        return re.sub(r"\{\{ (\w+) \}\}", lambda match: expand(known[match[1]]), text)

    return expand(statement)


class SqlQuery(variants.Dataquery):
    """https://grafana.com/docs/grafana/v11.6/datasources/postgres/."""

    def __init__(self, statement: str, shape: Format) -> None:
        self.statement, self.shape = statement, shape
        self.ref_id = ""
        self.datasource: DataSourceRef | None = POSTGRES

    def to_json(self) -> dict[str, Any]:
        return {
            "refId": self.ref_id,
            "datasource": self.datasource,
            "format": self.shape,
            "editorMode": "code",
            "rawQuery": True,
            "rawSql": self.statement,
        }


class Sql(builder.Builder[SqlQuery]):
    """The query of the file `name`, as the SDK's panels take it. Rows of a time series have `time` and numbers."""

    def __init__(self, name: str, fragments: Mapping[str, str] = FRAGMENTS, shape: Format = "table") -> None:
        self._query = SqlQuery(load_sql(name, fragments), shape)

    def build(self) -> SqlQuery:
        return self._query


def series(name: str, fragments: Mapping[str, str] = FRAGMENTS) -> Sql:
    """A query whose rows have `time`, numbers, and at most one text, which names the line."""
    return Sql(name, fragments, "time_series")
