"""What file formats say in their own fields, as bytes: one format, one file. Nothing here loads NumPy."""
