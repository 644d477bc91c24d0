"""Metadata of dataclass fields that a description leaves out (see `baselines.describe`):
``field(default=0.0, metadata=LATER)``."""

# A field that joined when things without it had been described and stored: left out while it holds
# its default, so that the keys of what was stored before still stand.
LATER = {"later": True}
# A field that says where a thing lies, not what it is: never described.
PLACE = {"place": True}
