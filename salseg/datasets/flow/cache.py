"""Flow on disk: an entry is used only if it was made from the same images by the same estimator."""

import hashlib
import json
import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from salseg.datasets.flow.base import FlowEstimator, FramePair
from salseg.errors import DataError
from salseg.io.files import replacing

_FORMAT = 1


class FlowCache:
    """A flow estimator with a cache on disk.

    An entry's name and its provenance hold a fingerprint of both images as they entered (so crops, mirroring and size
    count) and of the estimator's settings: a changed image, version or argument is another entry, never a stale one.
    Entries are written under a temporary name and renamed, so several workers may share a folder.

    Args:
        estimator: Asked when there is no entry.
        folder: Where entries lie, ``<data set>/<set>/<first>_<second>_<fingerprint>.npz``.

    Attributes:
        hits, misses: Since this object was made, in this process.
    """

    def __init__(self, estimator: FlowEstimator, folder: str | os.PathLike) -> None:
        self.estimator, self.folder = estimator, Path(folder)
        self.hits = self.misses = 0

    def provenance(self, pair: FramePair) -> dict[str, object]:
        """All that an entry depends on."""
        return dict(
            format=_FORMAT,
            estimator=self.estimator.settings(),
            images=pair.digest(),
            size=list(pair.first.shape[:2]),
            frames=[pair.dataset, pair.set_id, pair.first_id, pair.second_id],
        )

    def path(self, pair: FramePair, provenance: dict[str, object]) -> Path:
        """File of a pair."""
        text = json.dumps(provenance, sort_keys=True)
        key = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
        parts = [_safe(part) for part in (pair.dataset, *pair.set_id.split('/')) if part]
        return self.folder.joinpath(*parts) / f'{_safe(pair.first_id)}_{_safe(pair.second_id)}_{key}.npz'

    def __call__(self, pair: FramePair) -> np.ndarray:
        """(H, W, 2) float32 in pixels, the same bits whether it was stored or not.

        Raises:
            DataError: The folder cannot be written, or see `FlowEstimator`.
        """
        provenance = self.provenance(pair)
        path = self.path(pair, provenance)
        flow = self._read(path, provenance)
        if flow is not None:
            self.hits += 1
            return flow
        self.misses += 1
        flow = self.estimator(pair)
        self._write(path, flow, provenance)
        return flow

    def _read(self, path: Path, provenance: dict[str, object]) -> np.ndarray | None:
        try:
            with np.load(path, allow_pickle=False) as entry:
                stored = json.loads(str(entry['provenance']))
                return entry['flow'] if stored == provenance else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            message = f'the stored flow {path} is broken ({error}). Delete it; it will be computed again.'
            raise DataError(message) from error

    def _write(self, path: Path, flow: np.ndarray, provenance: dict[str, object]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary, open(temporary, 'wb') as file:
                np.savez(file, flow=flow, provenance=np.array(json.dumps(provenance)))
        except OSError as error:
            raise DataError(f'{path} cannot be written: {error}. Free some space or choose another cache.') from error


def _safe(name: str) -> str:
    """A name without path separators and leading dots."""
    return ''.join(c if c.isalnum() or c in '-_.' else '_' for c in name).lstrip('.') or '_'
