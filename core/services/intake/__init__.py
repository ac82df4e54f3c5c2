"""Events as image jobs: requests, Kafka records, refusals."""
