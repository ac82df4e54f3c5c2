"""A query of PostgreSQL: the SDK has none, since its plug-in publishes no schema."""

from textwrap import dedent
from typing import Any, Literal

from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from dashboards.names import POSTGRES

Format = Literal["table", "time_series"]


class SqlQuery(variants.Dataquery):
    """What the query editor saves.

    https://grafana.com/docs/grafana/v11.6/datasources/postgres/
    """

    def __init__(self, text: str, shape: Format) -> None:
        self.text = dedent(text).strip()
        self.shape = shape
        self.ref_id = ""
        self.datasource: DataSourceRef | None = POSTGRES

    def to_json(self) -> dict[str, Any]:
        return {
            "refId": self.ref_id,
            "datasource": self.datasource,
            "format": self.shape,
            "editorMode": "code",
            "rawQuery": True,
            "rawSql": self.text,
        }


class Sql(builder.Builder[SqlQuery]):
    """A builder, as the SDK's panels want one."""

    def __init__(self, text: str, shape: Format = "table") -> None:
        self._query = SqlQuery(text, shape)

    def build(self) -> SqlQuery:
        return self._query


def series(text: str) -> Sql:
    """A query whose rows have `time`, numbers, and perhaps a text that names the line."""
    return Sql(text, "time_series")
