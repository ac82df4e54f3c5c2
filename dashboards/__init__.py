"""Grafana's dashboards and alert rules as code; `python -m dashboards` writes their JSON.

Queries are of declared metrics (core.ports.metric_catalogue) and of the ledger (dashboards/sql). Thresholds come from
infra.alerts.
"""
