"""S3, SQS and CloudWatch: moto's server, the bucket and the queues in it, S3's notifications, and metrics."""
