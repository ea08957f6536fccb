"""Torchvision's weights by name: fetched or imported into torch's cache, where backbones and RAFT look for them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from salseg.datasets.flow.raft import RAFT_FILES
from salseg.errors import UnknownName, WeightsError
from salseg.models.backbones.weights import (
    HOST,
    TORCHVISION,
    ImageNetFile,
    cached_imagenet,
    check_imagenet,
    download_imagenet,
    imagenet_path,
)

LABEL = '@imagenet'
# Of what torchvision has besides, here optical flow.
OTHER = '@torchvision'
LICENCE = 'published with torchvision (BSD-3-Clause)'


def imagenet_names() -> list[str]:
    """Names such as 'resnet50@imagenet' and 'raft_small@torchvision'."""
    return [*(f'{network}{LABEL}' for network in TORCHVISION), *(f'raft_{size}{OTHER}' for size in RAFT_FILES)]


def is_torchvision(name: str) -> bool:
    """Whether a name asks for a file of torchvision, known or not."""
    return name.endswith((LABEL, OTHER))


def find_file(name: str) -> ImageNetFile:
    """The file of a name.

    Raises:
        UnknownName: They are none that a backbone or RAFT takes.
    """
    if name not in imagenet_names():
        raise UnknownName(f'no weights of torchvision are called {name!r}; there are {", ".join(imagenet_names())}.')
    if name.endswith(OTHER):
        file, megabytes = RAFT_FILES[name.removesuffix(OTHER).removeprefix('raft_')]
        return ImageNetFile(file, (), megabytes)
    return TORCHVISION[name.removesuffix(LABEL)]


def get_imagenet(
    name: str, progress: Callable[[int, int | None], None] | None = None, timeout: float = 30.0
) -> tuple[Path, bool]:
    """Fetch a file into torch's cache; its hash must be the one in its name.

    Returns:
        Where it lies, and whether it was fetched now.

    Raises:
        UnknownName: See :func:`find_file`.
        WeightsError: It cannot be fetched.
    """
    file = find_file(name)
    there = cached_imagenet(file)
    if there is not None:
        return there, False
    reason = 'SALSEG_OFFLINE is set'
    if not os.environ.get('SALSEG_OFFLINE'):
        try:
            return download_imagenet(file, progress, timeout), True
        except OSError as error:
            reason = str(error)
    raise WeightsError(
        f'{name} was not fetched: {reason}. By hand: save {HOST}{file.name}, then `salseg weights import {name} FILE`. '
        f'Cache folder: {imagenet_path(file).parent}.'
    )


def import_imagenet(name: str, source: str | Path) -> Path:
    """Copy a file that was fetched by hand into torch's cache.

    Returns:
        Where it lies.

    Raises:
        UnknownName: See :func:`find_file`.
        WeightsError: It cannot be read or written, or is not torchvision's.
    """
    file = find_file(name)
    target = imagenet_path(file)
    temporary = target.with_name(f'.{target.name}.{os.getpid()}.tmp')
    try:
        check_imagenet(file, Path(source))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise WeightsError(f'{source} was not taken as {name} ({HOST}{file.name}): {error}.') from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def verify_imagenet(name: str) -> str:
    """What is wrong with a file in torch's cache, as a sentence; empty where nothing is."""
    file = find_file(name)
    there = cached_imagenet(file)
    if there is None:
        return f'{name} is not here: `salseg weights get {name}`.'
    try:
        check_imagenet(file, there)
    except OSError as error:
        return f'{there} is not what torchvision published: {error}. Delete it.'
    return ''
