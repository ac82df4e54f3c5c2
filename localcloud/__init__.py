"""The embedded cloud: AWS, Kafka and PostgreSQL on one machine, without Docker."""
