"""`stream`: image files as records of a Kafka topic."""
