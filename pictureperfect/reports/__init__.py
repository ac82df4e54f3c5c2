"""The report: as a page, as tables on the terminal, as rows for a spreadsheet or a data frame."""
