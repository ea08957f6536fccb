"""Pull one frame's values to the grid of another along optical flow."""

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(values: Tensor, flow: Tensor) -> Tensor:
    """Backward warping: the value at pixel p is read at p + flow(p), bilinearly.

    Positions outside are moved to the nearest border pixel; hidden pixels are not detected (RCRNet, ICCV 2019, section
    3.3; the released code samples with clamped neighbours, which is the same).

    Args:
        values: (N, C, H, W), of the frame that the flow points to.
        flow: (N, 2, H, W) in pixels, dx then dy, from the wanted frame to that one.

    Returns:
        (N, C, H, W) on the grid of the wanted frame.
    """
    height, width = flow.shape[-2:]
    xs = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 0]
    ys = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 1]
    # A side of one pixel has no extent to normalise by: every position on it is the border.
    grid = torch.stack([2 * xs / max(width - 1, 1) - 1, 2 * ys / max(height - 1, 1) - 1], dim=-1)
    return F.grid_sample(values, grid.to(values.dtype), mode='bilinear', padding_mode='border', align_corners=True)


def flow_magnitude(flow: Tensor) -> Tensor:
    """Length of the flow as a fraction of the image: sqrt((dx / W)^2 + (dy / H)^2).

    The paper of RCRNet says "normalised into [-1, 1]"; this is what its released code computes.

    Args:
        flow: (..., 2, H, W) in pixels.

    Returns:
        (..., 1, H, W), not negative.
    """
    height, width = flow.shape[-2:]
    return torch.hypot(flow[..., 0, :, :] / width, flow[..., 1, :, :] / height).unsqueeze(-3)
