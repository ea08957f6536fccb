"""Change where values stand: resize, pad, shift, warp along a flow."""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def map_size(maps: Tensor) -> tuple[int, int]:
    """Height and width of maps (..., H, W).

    Examples:
        >>> map_size(torch.zeros(2, 3, 30, 47))
        (30, 47)
    """
    return maps.shape[-2], maps.shape[-1]


def scaled_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Height and width after scaling, rounded down as published code does (0.3 * 38 -> 11), at least one pixel.

    Examples:
        >>> scaled_size((38, 100), 0.3)
        (11, 30)
    """
    return max(1, math.floor(size[0] * scale)), max(1, math.floor(size[1] * scale))


def resize(maps: Tensor, size: Sequence[int], *, align_corners: bool = False) -> Tensor:
    """Bilinear resize without antialiasing; returns the same tensor if the size is already right.

    Args:
        maps: (..., C, h, w), floating.
        size: Height and width of the result.
        align_corners: True maps corner pixel centres onto each other, False the corners of the images.

    Returns:
        (..., C, *size), of the given type.

    Examples:
        >>> tuple(resize(torch.rand(2, 3, 1, 8, 8), (4, 6)).shape)
        (2, 3, 1, 4, 6)
    """
    wanted = (int(size[0]), int(size[1]))
    if map_size(maps) == wanted:
        return maps
    flat = maps.reshape(-1, *maps.shape[-3:]) if maps.dim() != 4 else maps
    out = F.interpolate(flat, size=wanted, mode='bilinear', align_corners=align_corners)
    return out if maps.dim() == 4 else out.reshape(*maps.shape[:-2], *wanted)


Pad = tuple[int, int, int, int]


def even_padding(size: tuple[int, int], multiple: int, always: bool = False) -> Pad:
    """Pixels to add (left, right, top, bottom) so that both sides are multiples.

    Split evenly; an odd pixel goes to the right and to the bottom.

    Args:
        size: (H, W).
        multiple: Of which both sides shall be.
        always: Go to the next multiple even from one (RGMP's geometry).

    Examples:
        >>> even_padding((30, 47), 16)  # left, right, top, bottom
        (0, 1, 1, 1)
    """
    height, width = (multiple - side % multiple if always else -side % multiple for side in size)
    return width // 2, width - width // 2, height // 2, height - height // 2


def pad_frames(frames: Tensor, pad: Pad, colour: Tensor | None = None) -> Tensor:
    """Add pixels around (..., H, W), 0 or, around (..., C, H, W), of a colour (C,).

    Examples:
        >>> tuple(pad_frames(torch.rand(2, 3, 30, 47), (0, 1, 1, 1)).shape)
        (2, 3, 32, 48)
    """
    if not any(pad):
        return frames
    padded = F.pad(frames, pad)
    if colour is None:
        return padded
    inside = F.pad(frames.new_ones(frames.shape[-2:]), pad) > 0
    return padded.where(inside, colour.reshape(-1, 1, 1).to(frames))


def cut_padding(maps: Tensor, pad: Sequence[int]) -> Tensor:
    """Undo `pad_frames` on maps (..., H, W).

    Examples:
        >>> frames, pad = torch.rand(3, 30, 47), even_padding((30, 47), 16)
        >>> torch.equal(cut_padding(pad_frames(frames, pad), pad), frames)
        True
    """
    left, right, top, bottom = pad
    return maps[..., top : maps.shape[-2] - bottom, left : maps.shape[-1] - right]


def shift(maps: Tensor, dy: int, dx: int, fill: float = 0.0) -> Tensor:
    """(..., h, w) with the value of the pixel (dy, dx) further at each place; `fill` where that is outside.

    Examples:
        >>> shift(torch.tensor([[1, 2, 3]]), 0, 1)
        tensor([[2, 3, 0]])
    """
    height, width = maps.shape[-2:]
    padded = F.pad(maps, (max(0, -dx), max(0, dx), max(0, -dy), max(0, dy)), value=fill)
    top, left = max(0, dy), max(0, dx)
    return padded[..., top : top + height, left : left + width]


def window_offsets(radius: int, dilation: int = 1, centre: bool = False) -> Iterator[tuple[int, int]]:
    """Offsets (dy, dx) of a square window, row by row.

    Examples:
        >>> len(list(window_offsets(1))), list(window_offsets(1, centre=True))[4]
        (8, (0, 0))
    """
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if centre or dy or dx:
                yield dy * dilation, dx * dilation


def half_window(radius: int, dilation: int = 1) -> Iterator[tuple[int, int]]:
    """Offsets (dy, dx) of a square window that meet every unordered pair once: the half after the centre.

    Examples:
        >>> list(half_window(1))
        [(0, 1), (1, -1), (1, 0), (1, 1)]
    """
    for dy in range(radius + 1):
        for dx in range(-radius, radius + 1):
            if dy > 0 or dx > 0:
                yield dy * dilation, dx * dilation


class FlatGrid:
    """Maps of one size in rows with a margin, images one after the other, flattened to one axis.

    The pixel at offset (dy, dx), both at most `margin` away, is then the entry `shift(dy, dx)` later, for all images
    at once: `flat[..., :-shift]` and `flat[..., shift:]` are contiguous, which makes a sweep over offsets three to
    five times faster than slices of two-dimensional maps. A neighbour outside the image falls into the margin.
    """

    def __init__(self, height: int, width: int, margin: int) -> None:
        self.height, self.width, self.margin = height, width, margin

    def flatten(self, maps: Tensor, fill: float = 0.0) -> Tensor:
        """(N, C, h, w) to (C, L), the margin filled with a value."""
        padded = F.pad(maps, (0, self.margin, 0, self.margin), value=fill)
        return padded.transpose(0, 1).reshape(maps.shape[1], -1)

    def restore(self, flat: Tensor) -> Tensor:
        """(C, L) to (N, C, h, w), the margin dropped."""
        padded = flat.view(flat.shape[0], -1, self.height + self.margin, self.width + self.margin)
        return padded[..., : self.height, : self.width].transpose(0, 1)

    def shift(self, dy: int, dx: int) -> int:
        """Distance along the flat axis to the pixel dy rows below and dx columns to the right."""
        return dy * (self.width + self.margin) + dx


def warp(values: Tensor, flow: Tensor) -> Tensor:
    """Backward warping: the value at pixel p is read at p + flow(p), bilinearly.

    Positions outside are moved to the nearest border pixel; hidden pixels are not detected (RCRNet, ICCV 2019, section
    3.3; the released code samples with clamped neighbours, which is the same).

    Args:
        values: (N, C, H, W), of the frame that the flow points to.
        flow: (N, 2, H, W) in pixels, dx then dy, from the wanted frame to that one.

    Returns:
        (N, C, H, W) on the grid of the wanted frame.

    Examples:
        >>> values, flow = torch.tensor([[[[1.0, 2.0, 3.0]]]]), torch.zeros(1, 2, 1, 3)
        >>> flow[:, 0] = 1.0  # one pixel to the right
        >>> warp(values, flow)
        tensor([[[[2., 3., 3.]]]])
    """
    height, width = flow.shape[-2:]
    xs = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 0]
    ys = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 1]
    # A side of one pixel has no extent to normalise by: every position on it is the border.
    grid = torch.stack([2 * xs / max(width - 1, 1) - 1, 2 * ys / max(height - 1, 1) - 1], dim=-1)
    return F.grid_sample(values, grid.to(values.dtype), mode='bilinear', padding_mode='border', align_corners=True)


def compose_flows(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Flow from a to c by way of b: F_ac(p) = F_ab(p) + F_bc(p + F_ab(p)), the second read bilinearly.

    Args:
        first: (N, 2, H, W) in pixels, dx then dy, from a to b.
        second: (N, 2, H, W), from b to c.

    Returns:
        (N, 2, H, W), and bool (N, 1, H, W): where p + F_ab(p) lies inside b. Elsewhere the second flow is that of the
        nearest border pixel.

    Examples:
        >>> step = torch.ones(1, 2, 4, 4)  # one pixel right and down
        >>> flow, inside = compose_flows(step, step)
        >>> flow.unique().tolist(), int(inside.sum())
        ([2.0], 9)
    """
    return first + warp(second, first), inside_frame(first)


def inside_frame(flow: Tensor) -> Tensor:
    """Whether p + flow(p) lies inside the frame, bool (N, 1, H, W) of (N, 2, H, W) pixels.

    Examples:
        >>> inside_frame(torch.full((1, 2, 1, 2), 0.0)).tolist()
        [[[[True, True]]]]
    """
    height, width = flow.shape[-2:]
    xs = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 0]
    ys = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 1]
    return ((xs >= 0) & (xs <= width - 1) & (ys >= 0) & (ys <= height - 1)).unsqueeze(1)


def consistent_flow(forward: Tensor, backward: Tensor, relative: float = 0.01, absolute: float = 0.5) -> Tensor:
    """Where a flow there and back ends where it began: |f + b|^2 <= relative (|f|^2 + |b|^2) + absolute.

    With f = forward(p) and b = backward(p + f). The criterion and both numbers are those of Sundaram, Brox and Keutzer
    (ECCV 2010, section 3); pixels that are hidden in the other frame, that leave it or whose flow is wrong fail.

    Args:
        forward: (N, 2, H, W) in pixels, from the wanted frame to another one.
        backward: (N, 2, H, W), from that one back.
        relative, absolute: Tolerance as a fraction of the squared lengths, and in squared pixels.

    Returns:
        bool (N, 1, H, W) on the grid of the wanted frame.

    Examples:
        >>> there, back = torch.full((1, 2, 1, 4), 0.0), torch.full((1, 2, 1, 4), 0.0)
        >>> there[:, 0] = 2.0; back[:, 0] = -2.0
        >>> consistent_flow(there, back).tolist()  # the last two leave the frame
        [[[[True, True, False, False]]]]
    """
    back = warp(backward, forward)
    error = (forward + back).square().sum(dim=1, keepdim=True)
    length = forward.square().sum(dim=1, keepdim=True) + back.square().sum(dim=1, keepdim=True)
    return (error <= relative * length + absolute) & inside_frame(forward)


def flow_magnitude(flow: Tensor) -> Tensor:
    """Length of the flow as a fraction of the image: sqrt((dx / W)^2 + (dy / H)^2).

    The paper of RCRNet says "normalised into [-1, 1]"; this is what its released code computes.

    Args:
        flow: (..., 2, H, W) in pixels.

    Returns:
        (..., 1, H, W), not negative.

    Examples:
        >>> flow = torch.zeros(2, 4, 8)
        >>> flow[0] = 4.0  # half the width
        >>> flow_magnitude(flow).unique()
        tensor([0.5000])
    """
    height, width = flow.shape[-2:]
    return torch.hypot(flow[..., 0, :, :] / width, flow[..., 1, :, :] / height).unsqueeze(-3)
