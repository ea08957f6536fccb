"""Flow in files, computed elsewhere or before."""

from pathlib import Path
from tokenize import TokenError

import cv2
import numpy as np

from salseg.datasets.flow.base import FlowEstimator, FramePair
from salseg.errors import ConfigError, DataError
from salseg.io.files import replacing
from salseg.registry import FLOWS
from salseg.structures import FrameGeometry

_READERS = ('.flo', '.npy')


@FLOWS.register_module()
class FlowFiles(FlowEstimator):
    """Files of flow between original images, brought to the frames as the pipeline changed them.

    The file must have the size of the original image; crops are cut, sizes scaled (vectors too), mirrored frames get
    mirrored vectors. Both frames must have gone through the same crop, size and mirroring.

    Args:
        root: Folder of the files.
        pattern: Path below it, with ``{dataset}``, ``{set}``, ``{first}`` and ``{second}``; suffix .flo (Middlebury) or
            .npy, (H, W, 2) float32 pixels, dx then dy.

    Raises:
        ConfigError: The pattern has another suffix.
    """

    def __init__(self, root: str, pattern: str = '{set}/{first}_{second}.flo') -> None:
        if Path(pattern).suffix not in _READERS:
            raise ConfigError(f'FlowFiles: pattern={pattern!r} must end in one of {", ".join(_READERS)}.')
        self.root, self.pattern = Path(root), pattern

    def settings(self) -> dict[str, str | int | float | bool]:
        """Folder and pattern."""
        return dict(type='FlowFiles', root=str(self.root), pattern=self.pattern)

    def path(self, pair: FramePair) -> Path:
        """File of a pair."""
        names = dict(dataset=pair.dataset, set=pair.set_id, first=pair.first_id, second=pair.second_id)
        return self.root / self.pattern.format(**names)

    def estimate(self, pair: FramePair) -> np.ndarray:
        """(H, W, 2) float32 in pixels.

        Raises:
            DataError: The file is missing, unreadable, of another size than the original image, or the two frames
                were changed differently.
        """
        path, record = self.path(pair), pair.first_geometry
        flow = read_flow(path)
        if record is None:
            return flow
        other = pair.second_geometry
        if other is not None and (record.crop, record.size, record.flip) != (other.crop, other.size, other.flip):
            raise DataError(
                f"{pair.where}: the two frames were cropped or mirrored differently, so a file's flow does not hold "
                "between them. Use per='clip' in the random transforms, or an estimator."
            )
        if flow.shape[:2] != tuple(record.ori_shape):
            raise DataError(
                f'{path} holds a flow of {flow.shape[0]}x{flow.shape[1]}, but its image is '
                f'{record.ori_shape[0]}x{record.ori_shape[1]} (height x width). Compute it at the original size.'
            )
        return apply_geometry(flow, record)


def apply_geometry(flow: np.ndarray, record: FrameGeometry) -> np.ndarray:
    """Flow between original images as it is between images that went through a record, (H, W, 2) pixels."""
    x0, y0, x1, y1 = (round(value) for value in record.crop)
    height, width = record.size
    part = flow[y0:y1, x0:x1]
    scale = np.array([width / part.shape[1], height / part.shape[0]], np.float32)
    part = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) * scale
    if record.flip:
        part = part[:, ::-1] * np.array([-1, 1], np.float32)
    return np.ascontiguousarray(part)


def read_flow(path: Path) -> np.ndarray:
    """A flow file, (H, W, 2) float32.

    Raises:
        DataError: The file is missing or no flow.
    """
    if not path.is_file():
        around = sorted(p.name for p in path.parent.iterdir())[:3] if path.parent.is_dir() else None
        found = f'holds {", ".join(around) or "nothing"}' if around is not None else 'does not exist'
        raise DataError(f'the flow {path} does not exist; {path.parent} {found}. Check FlowFiles(root, pattern).')
    try:
        flow = np.load(path, allow_pickle=False) if path.suffix == '.npy' else _middlebury(path.read_bytes())
    except (ValueError, EOFError, OSError, TypeError, SyntaxError, TokenError, OverflowError, MemoryError) as error:
        raise DataError(f'{path} cannot be read as a flow: {error}.') from error
    if flow.ndim != 3 or flow.shape[2] != 2 or flow.dtype.kind != 'f':
        raise DataError(f'{path} is no flow: {flow.shape} of {flow.dtype}; expected (height, width, 2) of floats.')
    if not np.isfinite(flow).all():
        raise DataError(f'{path} holds a flow that is infinite or no number. Compute it again.')
    return flow.astype(np.float32)


def _middlebury(data: bytes) -> np.ndarray:
    """OpenCV's reader believes the size in the head, whatever the file holds."""
    width, height = np.frombuffer(data[4:12].ljust(8, b'\0'), '<i4').tolist()
    if data[:4] != b'PIEH' or min(width, height) < 1 or len(data) != 12 + 8 * width * height:
        raise ValueError(f'{len(data)} bytes that say {width}x{height} pixels; the file is cut or no flow')
    return np.frombuffer(data, '<f4', offset=12).reshape(height, width, 2)


def write_flow(path: Path, flow: np.ndarray) -> None:
    """Write a Middlebury file, (H, W, 2) pixels; it is whole or not there.

    Raises:
        DataError: The folder cannot be written.
    """
    height, width = flow.shape[:2]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, open(temporary, 'wb') as file:
            file.write(b'PIEH' + np.array([width, height], '<i4').tobytes() + flow.astype('<f4').tobytes())
    except OSError as error:
        raise DataError(f'{path} cannot be written: {error}. Free some space or choose another folder.') from error
