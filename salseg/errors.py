"""Errors that a user can act on.

Every message says what was wrong, where (file or key), what was found, what was expected and what to do. The command line
prints them without a traceback; in Python they are ordinary exceptions.
"""


class SalsegError(Exception):
    """Base of all errors that salseg raises for bad input."""


class ConfigError(SalsegError, ValueError):
    """A config cannot be used as it stands."""


class UnknownKey(ConfigError):
    """A config holds a key that no constructor takes."""


class UnknownName(SalsegError, KeyError):
    """A name is in no registry, or no model has it."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would print '\n' instead of breaking the line.
        return str(self.args[0]) if self.args else ''


class DataError(SalsegError, ValueError):
    """A data set, list or picture is not as it must be."""


class LabelError(DataError):
    """An annotation holds values that its encoding does not have."""


class MissingTarget(SalsegError, ValueError):
    """A loss reads a label that the batch does not have."""


class MissingOutput(SalsegError, ValueError):
    """A loss or pass reads an output that nothing in the model provides."""


class CheckpointError(SalsegError, RuntimeError):
    """A checkpoint cannot be read, trusted or matched."""


class WeightsError(SalsegError, RuntimeError):
    """Pretrained weights cannot be had."""
