"""Use cases. They import ports, never adapters."""
