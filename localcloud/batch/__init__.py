"""AWS Batch: its API, its scheduler and jobs as processes."""
