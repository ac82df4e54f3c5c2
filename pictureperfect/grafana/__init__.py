"""`dashboards push`: dashboards and alert rules through Grafana's HTTP API."""
