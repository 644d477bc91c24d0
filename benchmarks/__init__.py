"""The harness: data, trials, devices, rows, tables. Imports nothing: `report` needs no torch."""
