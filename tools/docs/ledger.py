"""The tables and views of the ledger, as docs/reference/ledger.md shows them: out of the database's own comments.

`python -m tools.docs.ledger` brings the document up to date.
"""

from pathlib import Path

import psycopg

from core.adapters.postgres.ledger import PostgresLedger
from localcloud.postgres import PostgreSQL

_BEGIN, _END = "<!-- tables: begin -->", "<!-- tables: end -->"
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "ledger.md"
#: Everything with columns, tables first, as it was made; and every column, with what the database says of it.
_COLUMNS = """
    SELECT c.relname, c.relkind = 'v', obj_description(c.oid, 'pg_class'), a.attname,
           format_type(a.atttypid, NULL), col_description(c.oid, a.attnum)
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
       AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relkind = 'v', c.oid, a.attnum
"""
_SHORT = {
    "timestamp with time zone": "timestamptz",
    "double precision": "double",
}


def in_document(document: str, connection: psycopg.Connection) -> str:
    """The document, with what the database has between its marks."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{markdown(connection)}\n{_END}{after}"


def markdown(connection: psycopg.Connection) -> str:
    """A heading, a sentence and a table for each. What has no comment says `None`: a test forbids it."""
    lines: list[str] = []
    last = ""
    for relation, is_view, meaning, column, kind, words in connection.execute(_COLUMNS):
        if relation != last:
            title = f"### {'View' if is_view else 'Table'} `{relation}`"
            lines += ["", title, "", f"{meaning}.", "", "| column | type | what it is |", "| --- | --- | --- |"]
            last = relation
        lines.append(f"| `{column}` | {_SHORT.get(kind, kind)} | {words} |")
    return "\n".join(lines[1:])


def main() -> None:
    """Write the document anew, from a database made for it."""
    with PostgreSQL() as server:
        ledger = PostgresLedger(server.url)
        ledger.migrate()
        ledger.close()
        with psycopg.connect(server.url) as connection:
            DOCUMENT.write_text(in_document(DOCUMENT.read_text("utf-8"), connection), "utf-8")


if __name__ == "__main__":
    main()
