"""The composition root: one module for each entry turns its settings into services with their adapters.

Clients are made once, when an entry point is loaded, and live as long as its process.
"""
