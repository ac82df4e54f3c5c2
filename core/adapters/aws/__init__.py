"""Adapters that call AWS through boto3."""
