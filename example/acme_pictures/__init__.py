"""Acme's operations on its customers' pictures. Every result holds the version, so raise it with every change."""

__version__ = "1.0.0"
