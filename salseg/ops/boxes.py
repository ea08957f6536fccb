"""Boxes as masks, boxes of masks, and the distance of projections on the axes."""

import torch
from torch import Tensor


def fill_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Filled rectangles, one per box.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 in pixels, corners between pixels: (0, 0, W, H) is the whole image.
        size: (H, W).

    Returns:
        (N, H, W) bool, True on pixels whose centre is inside. What is outside the image is cut off.

    Examples:
        >>> fill_boxes(torch.tensor([[1.0, 0.0, 3.0, 1.0]]), (2, 4)).int()
        tensor([[[0, 1, 1, 0],
                 [0, 0, 0, 0]]], dtype=torch.int32)
    """
    height, width = size
    # Corners lie between pixels and centres at one half, so that whole corners give a mask of exactly the box's area.
    xs = torch.arange(width, device=boxes.device) + 0.5
    ys = torch.arange(height, device=boxes.device) + 0.5
    x0, y0, x1, y1 = (edge.unsqueeze(-1) for edge in boxes.unbind(-1))
    return ((ys > y0) & (ys < y1)).unsqueeze(-1) & ((xs > x0) & (xs < x1)).unsqueeze(-2)


def boxes_of_masks(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest boxes around masks.

    Args:
        masks: (N, H, W) bool.

    Returns:
        Boxes (N, 4) float x0, y0, x1, y1, corners between pixels, and which masks have a pixel at all, (N,) bool; the
        box of an empty mask is 0.

    Examples:
        >>> masks = torch.zeros(2, 4, 6, dtype=torch.bool)
        >>> masks[0, 1:3, 2:5] = True
        >>> boxes_of_masks(masks)
        (tensor([[2., 1., 5., 3.],
                [0., 0., 0., 0.]]), tensor([ True, False]))
    """
    found = []
    for axis in (1, 2):
        line = masks.any(axis)
        places = torch.arange(line.shape[1], device=masks.device)
        first = torch.where(line, places, line.shape[1]).amin(1)
        last = torch.where(line, places + 1, 0).amax(1)
        found.append((first, last))
    (x0, x1), (y0, y1) = found
    valid = x1 > 0
    return torch.stack([x0, y0, x1, y1], 1).float() * valid.unsqueeze(1), valid


def disjoint_masks(masks: Tensor, overlap: str) -> Tensor:
    """Give every pixel to one mask only.

    Args:
        masks: (N, H, W) bool.
        overlap: Who gets a pixel that several claim: 'smaller', the mask with fewer pixels (the later one of two equal
            ones), or 'later', the last in order.

    Returns:
        (N, H, W) bool.

    Raises:
        ValueError: Another rule.

    Examples:
        >>> masks = torch.tensor([[[1, 1, 1]], [[0, 0, 1]]], dtype=torch.bool)
        >>> disjoint_masks(masks, 'smaller').int().tolist()
        [[[1, 1, 0]], [[0, 0, 1]]]
    """
    if overlap not in ('smaller', 'later'):
        raise ValueError(f"overlap={overlap!r}; expected 'smaller' or 'later'.")
    if overlap == 'later':
        order = torch.arange(len(masks))
    else:
        # Large ones first, so that small ones are painted over them: a box inside another would otherwise vanish.
        order = torch.argsort(masks.flatten(1).sum(1), descending=True, stable=True)
    owner = torch.full(masks.shape[1:], -1, dtype=torch.int64, device=masks.device)
    for index in order.tolist():
        owner[masks[index]] = index
    return owner == torch.arange(len(masks), device=masks.device)[:, None, None]


READINGS = ('image', 'joint', 'tall')


def projection_distance(
    probability: Tensor, boxes: Tensor, squared: bool, reading: str = 'image', given: Tensor | None = None
) -> Tensor:
    """Dice distance of the column maxima plus that of the row maxima of masks and filled boxes.

    Args:
        probability: (M, h, w) masks in [0, 1], M objects and frames.
        boxes: Same shape, filled boxes, bool or in [0, 1].
        squared: False: 1 - 2 sum(x y) / (sum x^2 + sum y^2 + e) (BoxInst, released code); True: 1 - (e + 2 sum x^2 y^2)
            / (e + sum x^2 + sum y^2) (box-trained XMem, thesis eq. 3.8 to 3.11); e = 1e-5.
        reading: 'image', the mean of all maps' distances; 'joint', all maps' projections form one vector per axis;
            'tall', the maps lie below each other as one image.
        given: (M,) bool, which maps have a box at all; the others take no part. All by default.

    Returns:
        Scalar in [0, 2].

    Raises:
        ValueError: Another reading.

    Examples:
        >>> box = fill_boxes(torch.tensor([[1.0, 1.0, 3.0, 3.0]]), (4, 4)).float()
        >>> diagonal = torch.diag(torch.tensor([0.0, 1.0, 1.0, 0.0]))[None]
        >>> round(projection_distance(diagonal, box, squared=False).item(), 4)  # touches all sides of its box
        0.0
    """
    if reading not in READINGS:
        raise ValueError(f'reading={reading!r}; expected one of {", ".join(READINGS)}.')
    boxes = boxes.to(probability.dtype)
    given = probability.new_ones(len(probability)) if given is None else given.to(probability.dtype)
    # Maps without a box are set to 0 on one side only; boxes there are empty already, so they add nothing to any sum.
    if reading != 'image':
        probability = probability * given[:, None, None]
        given = given.new_ones(1)
    if reading == 'tall':
        probability, boxes = probability.flatten(0, 1).unsqueeze(0), boxes.flatten(0, 1).unsqueeze(0)
    total = probability.new_zeros(())
    for axis in (-2, -1):
        # max, not amax: of equal pixels one gets the gradient.
        x, y = (maps.max(axis).values for maps in (probability, boxes))
        if reading == 'joint':
            x, y = x.flatten().unsqueeze(0), y.flatten().unsqueeze(0)
        # Only the two projections are asked for: everything that touches all four sides of the box costs nothing, and
        # the pairwise and temporal losses choose among that.
        total = total + (_dice(x, y, squared) * given).sum() / given.sum().clamp(min=1)
    return total


def _dice(x: Tensor, y: Tensor, squared: bool, epsilon: float = 1e-5) -> Tensor:
    # Eq. 3.11 also squares the factors of the numerator and adds epsilon there; BoxInst has it below only.
    size = x.square().sum(-1) + y.square().sum(-1) + epsilon
    if squared:
        return 1 - (2 * (x.square() * y.square()).sum(-1) + epsilon) / size
    return 1 - 2 * (x * y).sum(-1) / size
