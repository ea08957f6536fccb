"""Errors that a user can act on.

Every message says what was wrong, where (file or key), what was found, what was expected and what to do. The command line
prints them without a traceback; in Python they are ordinary exceptions. Errors that several places raise in the same
words are made by a function here.
"""

from pathlib import Path


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
    """A data set, list or image is not as it must be."""


class LabelError(DataError):
    """An annotation holds values that its encoding does not have.

    Args:
        message: What a user reads.
        fits: The encoding that the file fits, where one does.
    """

    def __init__(self, message: str, fits: str = '') -> None:
        super().__init__(message)
        self.fits = fits


class MissingTarget(SalsegError, ValueError):
    """A loss reads a label that the batch does not have."""


class MissingOutput(SalsegError, ValueError):
    """A loss or pass reads an output that nothing in the model provides."""


class CheckpointError(SalsegError, RuntimeError):
    """A checkpoint cannot be read, trusted or matched."""


class NotFinite(SalsegError, ArithmeticError):
    """A loss, a gradient, a weight or a prediction is infinite or no number."""


class WeightsError(SalsegError, RuntimeError):
    """Pretrained weights cannot be had."""


def missing_folder(folder: Path) -> DataError:
    """The error about a folder that is not there: it says what is beside it."""
    if folder.is_file():
        return DataError(f'{folder} is a file, and a folder is expected; if it is an archive, unpack it first.')
    parent = folder.parent
    if parent.is_dir():
        found = f'holds {", ".join(sorted(p.name for p in parent.iterdir())[:8]) or "nothing"}'
    else:
        found = 'does not exist either'
    return DataError(f'the folder {folder} does not exist; {parent} {found}.')


def missing_weights(model: object | str, what: str) -> CheckpointError:
    """The error about a model, or one of that name, without weights, of which something is asked that would be noise."""
    name = model if isinstance(model, str) else f'this {type(model).__name__}'
    return CheckpointError(
        f'{name} has no trained weights; {what} would be noise.\n  Give a checkpoint (--checkpoint '
        'FILE, or the folder of a run as MODEL), train one (`salseg train`), or allow it: --random-weights, in Python '
        'random_weights=True.'
    )
