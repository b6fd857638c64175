"""The one exception of this package: what an operator can act on, printed as one line."""


class ExportError(Exception):
    """An export cannot go on; the message says what to do next."""
