"""Submit images to AWS Batch, and end the images whose Batch job failed."""
