"""Fully convolutional data description: the member of the lineage that explains itself."""
