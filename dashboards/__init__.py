"""Grafana's dashboards and alert rules as code; `python -m dashboards` writes the JSON that is kept beside it.

It reads the declared metrics (core.ports.metric_catalogue), and names the views of the ledger.
"""
