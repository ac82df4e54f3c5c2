"""The parts of docs/ that are made from code: `python -m tools.docs` writes them."""
