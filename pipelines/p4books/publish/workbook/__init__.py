"""Excel workbook for people: a summary with charts, a contents, and a sheet per model."""
