"""`operations` and `formats`: the page of image operations and the table of image formats."""
