"""What goes wrong by no fault of ours."""


class UsageError(Exception):
    """Something the caller can mend; its text says what."""
