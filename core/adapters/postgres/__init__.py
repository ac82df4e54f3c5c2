"""Adapters that read and write the PostgreSQL ledger through psycopg."""
