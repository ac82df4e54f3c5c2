"""Programs for maintainers only: documents made from code."""
