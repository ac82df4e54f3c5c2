"""`operations` and `formats`: the catalogue of operations and the table of formats."""
