"""What Acme does to its customers' pictures. The version stands in every result, so raise it with every change."""

__version__ = "1.0.0"
