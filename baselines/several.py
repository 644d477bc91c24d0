"""Numbers of things in words. Never imports torch."""


def several(count: int, what: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{count} {what}" + "s" * (count != 1)
