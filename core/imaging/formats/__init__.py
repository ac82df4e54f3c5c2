"""Reading the fields of file formats, byte by byte: one module for each format. No module here loads NumPy."""
