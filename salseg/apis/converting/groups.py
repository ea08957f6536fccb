"""Co-saliency sets of any layout as ``image/<group>/`` and ``gt/<group>/``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey
from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.layout import find_plan, items_of
from salseg.errors import DataError
from salseg.io.annotations import read_annotation


def convert_groups(
    source: Path,
    out: Path,
    images: str | None = None,
    labels: str | None = None,
    groups: Sequence[str] | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """CoCA, CoSOD3k, Cosal2015, iCoseg, MSRC and copies of them; masks become PNGs of 0 and 255.

    Args:
        source: Folder of the set, images and masks beside each other or masks in a folder of each group.
        out: Folder to write.
        images, labels: Unusual folders, ``{video}`` for a group.
        groups: To take; all by default.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: The layout is unknown, it holds no groups, or a mask is missing or of another size.
    """
    separate(source, out)
    plan = find_plan(source, 'cosod', images, labels)
    absent = sorted(set(groups or ()) - set(plan.groups))
    if absent:
        raise DataError(f'{source} has no group {absent[0]!r}; it has {", ".join(plan.groups[:8])}.')
    plan.names = None if groups is None else list(groups)
    summary, used = Summary(out), set()
    for item in with_progress(list(items_of(plan, Findings())), progress):
        if item.image is None or not item.labels:
            summary.leave_out('files without partner', item.image or item.labels[0][1])
            continue
        image, mask = Path(item.image), item.labels[0][1]
        take(image, out / 'image' / item.group / image.name, how)
        write_grey(out / 'gt' / item.group / f'{item.stem}.png', _binary, mask)
        summary.count('images')
        used.add(item.group)
    summary.count('groups', len(used))
    return summary


def _binary(path: str) -> np.ndarray:
    return read_annotation(path, 'binary') * np.uint8(255)
