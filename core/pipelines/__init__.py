"""Pipelines: the YAML file's values, its loader and the shipped files."""
