"""The report as an HTML page, as tables for the terminal, and as CSV or Parquet."""
