"""Compare masks with boxes by their projections on the axes."""

from torch import Tensor

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
    """
    if reading not in READINGS:
        raise ValueError(f'reading={reading!r}; expected one of {", ".join(READINGS)}.')
    boxes = boxes.to(probability.dtype)
    given = probability.new_ones(len(probability)) if given is None else given.to(probability.dtype)
    if reading != 'image':
        probability = probability * given[:, None, None]
        given = given.new_ones(1)
    if reading == 'tall':
        probability, boxes = probability.flatten(0, 1).unsqueeze(0), boxes.flatten(0, 1).unsqueeze(0)
    total = 0
    for axis in (-2, -1):
        # max, not amax: of equal pixels one gets the gradient.
        x, y = (maps.max(axis).values for maps in (probability, boxes))
        if reading == 'joint':
            x, y = x.flatten().unsqueeze(0), y.flatten().unsqueeze(0)
        total = total + (_dice(x, y, squared) * given).sum() / given.sum().clamp(min=1)
    return total


def _dice(x: Tensor, y: Tensor, squared: bool, epsilon: float = 1e-5) -> Tensor:
    size = x.square().sum(-1) + y.square().sum(-1) + epsilon
    if squared:
        return 1 - (2 * (x.square() * y.square()).sum(-1) + epsilon) / size
    return 1 - 2 * (x * y).sum(-1) / size
