"""The errors that this project raises on purpose; all descend from one base."""


class PneumoscreenError(Exception):
    """The system could not do its work. The message is one line that names the mend."""


class ReleaseError(PneumoscreenError):
    """A model release is missing, damaged, or does not match this version's preprocessing."""
