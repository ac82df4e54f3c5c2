"""One table of thresholds, for CloudWatch's alarms and Grafana's alert rules."""
