"""The Batch door: one job by the same service."""
