"""Commands over a running system's database and dashboards."""
