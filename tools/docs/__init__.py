"""The tables in docs/ that are made from code."""
