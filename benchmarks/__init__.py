"""The harness: data, trials, devices, rows, tables. What shows them needs no torch."""

from baselines.door import loading

loading()
