"""Pipelines: their values, the loader of their YAML files, and the shipped files."""

from pathlib import Path

#: The folder of the pipeline files that come with the product.
SHIPPED_FOLDER = Path(__file__).parent / "shipped"
