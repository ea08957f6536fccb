"""What belongs together in a release, and what is said where something is missing: one rule for all converters."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from salseg.apis.converting.files import Summary
from salseg.errors import DataError
from salseg.io.listing import is_stray

Value = TypeVar('Value')
# Names shown in a message.
SHOWN = 5


def pair(
    images: Mapping[str, Path],
    labels: Mapping[str, Value],
    source: Path,
    summary: Summary,
    what: str = 'mask',
    partial: bool = False,
    unlabelled: Collection[str] | None = (),
) -> list[str]:
    """Keys of the images that have an annotation, in the order of the images.

    Args:
        images: By key.
        labels: Annotations by the same keys.
        source: For messages.
        summary: Gets what is left out: as a warning, or silently counted where the release has no annotation.
        what: An annotation is called so.
        partial: Take what is there however little it is.
        unlabelled: Keys of images that the release itself has no annotation for; None if it does not say which.

    Raises:
        DataError: No image has an annotation, or more than half of those that should have one lack it.
    """
    both = [key for key in images if key in labels]
    if not both:
        raise nothing_found(
            source,
            f'{len(images)} images and {len(labels)} {what}s, of which no two have a name in common'
            if images and labels
            else f'{len(images)} images and {len(labels)} {what}s',
        )
    expected = [key for key in images if unlabelled is not None and key not in unlabelled]
    missing = [key for key in expected if key not in labels]
    judge(missing, len(expected), source, summary, what, partial)
    lacking = set(missing)
    for key in images:
        if key not in labels and key not in lacking:
            summary.note(f'images that the release has no {what} for, left out', key)
    for key in labels:
        if key not in images:
            summary.warn(f'{what}s without image, left out', key)
    return both


def judge(
    missing: Sequence[str],
    expected: int,
    source: Path,
    summary: Summary,
    what: str = 'mask',
    partial: bool = False,
    things: str = 'images',
    fate: str = ', left out',
) -> None:
    """Refuse a source that lacks most of its annotations, and warn of one that lacks few.

    Args:
        missing: Names of what should have an annotation and has none.
        expected: How many should have one.
        source: For messages.
        summary: Gets the warning.
        what: An annotation is called so.
        partial: Take what is there however little it is.
        things: What is annotated.
        fate: What becomes of those without.

    Raises:
        DataError: More than half lack it.
    """
    if 2 * len(missing) > expected and not partial:
        raise DataError(
            f'{source}: {len(missing)} of {expected} {things} have no {what}, {named(missing)}. Unpack the {what}s '
            'too, or take what is there with --partial.'
        )
    for name in missing:
        summary.warn(f'{things} without {what}{fate}', name)


def nothing_found(source: Path, found: str, looked_for: Sequence[str] = ()) -> DataError:
    """The error of a source that holds none of what was looked for: what that was, and what the folder holds."""
    inside = sorted(path.name + '/' * path.is_dir() for path in source.iterdir() if not is_stray(path))
    looked = f' Looked for {", ".join(looked_for)}.' if looked_for else ''
    return DataError(f'{source}: {found}.{looked} The folder holds {named(inside) or "nothing"}.')


def named(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
