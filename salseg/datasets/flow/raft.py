"""RAFT of torchvision, with its published weights or the user's own."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.datasets.flow.base import FlowEstimator, FramePair
from salseg.errors import ConfigError, WeightsError
from salseg.ops.fingerprint import weights_fingerprint
from salseg.registry import FLOWS

# Torchvision's default weights of each size; a name's suffix is the start of the file's SHA-256.
RAFT_FILES = {'small': ('raft_small_C_T_V2-01064c6d.pth', 4), 'large': ('raft_large_C_T_SKHT_V2-ff5fadd5.pth', 21)}


@FLOWS.register_module()
class RAFTFlow(FlowEstimator):
    """Recurrent all-pairs field transforms (Teed and Deng, ECCV 2020).

    Nothing is downloaded here: ``salseg weights get raft_small@torchvision`` puts torchvision's file into torch's cache.
    Images are padded to multiples of 8 by repeating the border, at least 128 pixels a side.

    Args:
        weights: Path of a state dict of torchvision's ``raft_small`` or ``raft_large``; None for the file in torch's
            cache.
        size: 'small' (1.0 M parameters) or 'large' (5.3 M).
        updates: Iterations; published metrics use 12 to 32.
        device: Where it runs. Weights go there with the first pair, so that a process that reads stored flow only never
            touches a GPU.

    Raises:
        ConfigError: The size is unknown or there is no update; later, the device cannot be used.
        WeightsError: The file is missing, unsafe, or does not fit.
    """

    def __init__(
        self,
        weights: str | None = None,
        size: Literal['small', 'large'] = 'small',
        updates: int = 12,
        device: str = 'cpu',
    ) -> None:
        if size not in ('small', 'large') or updates < 1:
            raise ConfigError(f"RAFTFlow: size={size!r} must be 'small' or 'large', updates={updates} at least 1.")
        self.size, self.updates, self.device = size, updates, device
        self.model, self.fingerprint = _load(_find(size) if weights is None else Path(weights), size)
        self.placed = False

    def settings(self) -> dict[str, str | int | float | bool]:
        """Size, updates, the weights' fingerprint, torch's version."""
        return dict(
            type='RAFTFlow', size=self.size, updates=self.updates, weights=self.fingerprint, torch=torch.__version__
        )

    @torch.no_grad()
    def estimate(self, pair: FramePair) -> np.ndarray:
        """(H, W, 2) float32 in pixels."""
        self._place()
        first, second = (self._prepare(frame) for frame in (pair.first, pair.second))
        flow = self.model(first, second, num_flow_updates=self.updates)[-1][0]
        height, width = pair.first.shape[:2]
        return flow[:, :height, :width].permute(1, 2, 0).cpu().numpy()

    def _place(self) -> None:
        if self.placed:
            return
        try:
            self.model.to(self.device)
        except (RuntimeError, AssertionError) as error:
            # A forked process cannot use CUDA that its parent has used; torch says so in words of its own.
            raise ConfigError(
                f'RAFTFlow(device={self.device!r}): {str(error).splitlines()[0]} Workers of a data loader that are forked '
                'cannot use CUDA. Make the flow before: salseg precompute flow --config CONFIG --estimator raft; or '
                "train_dataloader.num_workers=0, train_dataloader.multiprocessing_context='spawn', device='cpu'."
            ) from error
        self.placed = True

    def _prepare(self, frame: np.ndarray) -> Tensor:
        image = torch.from_numpy(np.ascontiguousarray(frame)).to(self.device).permute(2, 0, 1)[None].float()
        height, width = frame.shape[:2]
        down, right = (max(128, -(-side // 8) * 8) - side for side in (height, width))
        return F.pad(image / 127.5 - 1, (0, right, 0, down), mode='replicate')


def _find(size: str) -> Path:
    name = RAFT_FILES[size][0]
    path = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if not path.is_file():
        raise WeightsError(
            f'RAFTFlow: the weights {name} are not here (expected at {path}): `salseg weights get raft_{size}@torchvision`, '
            f'or `salseg weights import raft_{size}@torchvision FILE`. The estimators dis and farneback need none.'
        )
    return path


def _load(path: Path, size: str) -> tuple[nn.Module, str]:
    from torchvision.models import optical_flow

    if not path.is_file():
        raise WeightsError(
            f'RAFTFlow: there is no weights file at {path}. Save the state dict of torchvision.models.optical_flow.'
            f"raft_{size} there, or use estimator=dict(type='DISFlow'), which needs none."
        )
    model = getattr(optical_flow, f'raft_{size}')(weights=None)
    try:
        model.load_state_dict(torch.load(path, map_location='cpu', weights_only=True))
    except Exception as error:  # noqa: BLE001 - torch's readers raise whatever they meet in damaged bytes
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise WeightsError(f'RAFTFlow: {path} is no state dict of raft_{size}: {reason}') from None
    return model.eval(), weights_fingerprint(model)
