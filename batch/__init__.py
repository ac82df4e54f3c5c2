"""The Batch container: it processes images by the same services as the Lambda function."""
