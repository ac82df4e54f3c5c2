"""Grafana's dashboards and alert rules as code; `python -m dashboards` writes the JSON that is kept beside it.

Of the running system it knows the declaration of the metrics (core.ports.metric_catalogue), and the views of the ledger by name.
"""
