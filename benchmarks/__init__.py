"""The harness: data, trials, devices, rows, tables. Import nothing here: `report` must not need torch."""
