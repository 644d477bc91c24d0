"""The ground (contract, loop, nets) and the elders of the Deep SVDD lineage."""
