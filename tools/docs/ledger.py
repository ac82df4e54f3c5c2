"""The tables and views of the ledger in docs/reference/ledger.md, from the comments in the database."""

import psycopg

from core.adapters.postgres.ledger import PostgresLedger
from localcloud.postgres import PostgreSQL
from tools.docs.section import Section, table

#: Every column of every table, then of every view, in the order of their creation, with the comments on both.
_COLUMNS = """
    SELECT c.relname, c.relkind = 'v', obj_description(c.oid, 'pg_class'), a.attname,
           format_type(a.atttypid, NULL), col_description(c.oid, a.attnum)
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
       AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relkind = 'v', c.oid, a.attnum
"""
_SHORT_TYPES = {"timestamp with time zone": "timestamptz", "double precision": "double"}


def render() -> str:
    """The text for a PostgreSQL that is started for it and migrated."""
    with PostgreSQL() as server:
        ledger = PostgresLedger(server.url)
        ledger.migrate()
        ledger.close()
        with psycopg.connect(server.url) as connection:
            return markdown(connection)


def markdown(connection: psycopg.Connection) -> str:
    """A heading, a sentence and a table of columns for each relation. A missing comment reads `None`."""
    relations: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for relation, is_view, meaning, column, kind, words in connection.execute(_COLUMNS):
        heading = f"### {'View' if is_view else 'Table'} `{relation}`"
        row = (f"`{column}`", str(_SHORT_TYPES.get(kind, kind)), str(words))
        relations.setdefault((heading, f"{meaning}."), []).append(row)
    return "\n\n".join(
        f"{heading}\n\n{meaning}\n\n{table(('column', 'type', 'what it is'), rows)}"
        for (heading, meaning), rows in relations.items()
    )


SECTION = Section("reference/ledger.md", "tables", render)
