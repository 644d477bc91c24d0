"""Errors that are no faults of ours."""


class Unwritable(OSError):
    """A place that cannot be written; one line names it and the reason."""
