"""Fully convolutional data description: the member of the lineage that explains itself."""

from baselines.door import loading

loading()
