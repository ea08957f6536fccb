"""Masks of the common object of a set of images, learned from features without labels (mask-guided FCN, CVPR 2019, section 3).

Shapes: N images of one set, P = h w positions of a map, d channels.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass
class MaskState:
    """Where the alternating directions stand.

    Attributes:
        direction: (d,), w of the paper.
        masks: (N, P), m of the paper, responses with small ones set to 0.
        duals: (N, P), z of the paper.
    """

    direction: Tensor
    masks: Tensor
    duals: Tensor


def soft_threshold(values: Tensor, threshold: float | Tensor) -> Tensor:
    """Every value moved towards 0 by the threshold, 0 where it would cross (paper eq. 6)."""
    return values.sign() * (values.abs() - threshold).clamp(min=0)


def scatter_matrix(features: Tensor) -> Tensor:
    """Sum over all positions of x x^T, (d, d) float64, image by image.

    Args:
        features: (N, P, d).
    """
    total = features.new_zeros(features.shape[2], features.shape[2], dtype=torch.float64)
    # Image by image, so that only one is held in double precision.
    for image in features:
        image = image.double()
        total += image.t() @ image
    return total


def principal_direction(features: Tensor, grid: tuple[int, int], sigma: float = 0.25) -> Tensor:
    """Direction of the largest variance, of unit length, (d,) float64.

    Its sign is free; it is chosen so that responses are larger at the centre of the images than around.

    Args:
        features: (N, P, d), centred over the set.
        grid: (h, w).
        sigma: Width of the centre, as a fraction of each side.
    """
    # Eigenvalues ascend: the last column has the largest variance.
    direction = torch.linalg.eigh(scatter_matrix(features))[1][:, -1]
    agreement = ((features.double() @ direction) * centre(grid, sigma).to(features.device)).sum()
    return -direction if agreement < 0 else direction


def centre(grid: tuple[int, int], sigma: float = 0.25) -> Tensor:
    """Gaussian at the middle of a map minus its mean, (h*w,) float64; sigma as a fraction of each side."""
    rows, columns = ((torch.arange(n, dtype=torch.float64) + 0.5) / n - 0.5 for n in grid)
    gauss = torch.exp(-(rows[:, None].square() + columns.square()) / (2 * sigma**2)).flatten()
    # Without its mean, so that a constant response agrees with neither sign.
    return gauss - gauss.mean()


def admm(
    features: Tensor, state: MaskState, iterations: int, lambda1: float = 0.001, lambda2: float = 100.0,
    rho: float = 10.0, renormalise: float | None = None,
) -> MaskState:  # fmt: skip
    """Alternating directions (paper eq. 5 to 7): direction, masks, duals, in this order.

    The objective is not convex and has no lower bound; every step is well posed for rho >= 2, and a few steps from the
    principal direction sharpen its responses. This is an early-stopped procedure, not a minimisation.

    Args:
        features: (N, P, d), scaled; the scale matters, since the threshold is absolute.
        state: To start from.
        iterations: Number of rounds.
        lambda1: Weight of the direction's squared length.
        lambda2: Weight of the masks' absolute sum.
        rho: Penalty of the constraint that masks are responses.
        renormalise: Standard deviation that the responses are brought to after every update of the direction, which
            keeps more than a few rounds from dying out; None leaves them.

    Raises:
        ValueError: ``rho`` is below 2, where a step has no minimum.
    """
    if rho < 2:
        raise ValueError(f'rho is {rho}; the update of the direction has a minimum for rho >= 2 only.')
    gram = scatter_matrix(features)
    mean = features.double().mean((0, 1))
    # The scatter around the mean from the one around 0: n m m^T is what they differ by.
    spread = gram - features.shape[0] * features.shape[1] * torch.outer(mean, mean)
    # What the direction's update solves; -2 spread is the variance that it maximises (paper eq. 5).
    matrix = rho * gram - 2 * spread
    matrix.diagonal().add_(2 * lambda1)
    # The matrix is the same in every round: factored once.
    factor = torch.linalg.cholesky(matrix)
    masks, duals, direction = state.masks.double(), state.duals.double(), state.direction.double()
    for _ in range(iterations):
        # Direction: least squares on what masks and duals ask for (paper eq. 5).
        target = sum(x.double().t() @ y for x, y in zip(features, masks - duals))
        direction = torch.cholesky_solve((rho * target).unsqueeze(1), factor).squeeze(1)
        response = _responses(features, direction)
        if renormalise is not None:
            gain = renormalise / response.std(correction=0)
            direction, response = direction * gain, response * gain
        # Masks: responses without what the sparsity takes (paper eq. 6).
        masks = soft_threshold(response + duals, lambda2 / rho)
        # Duals: what masks still lack of the responses, added up (paper eq. 7).
        duals = duals + response - masks
    return MaskState(direction, masks, duals)


def learn_masks(
    features: Tensor,
    grid: tuple[int, int],
    mode: Literal['robust', 'literal'] = 'robust',
    iterations: int = 3,
    response_std: float = 25.0,
    renormalise: bool = False,
    lambda1: float = 0.001,
    lambda2: float = 100.0,
    rho: float = 10.0,
) -> Tensor:
    """A mask per image of a set, (N, h, w) float32 in [0, 1], each with maximum 1.

    Args:
        features: (N, P, d), row-major positions; of a network that tells kinds of things apart.
        grid: (h, w) with h w = P.
        mode: 'robust' centres the features over the set and scales them so that the responses of the principal
            direction have a known spread: below about 20 the paper's threshold of 10 erases them, far above it never
            acts. 'literal' takes the features as they are, as the paper's text says, from the same start.
        iterations: The paper says 3; 0 gives the principal direction's responses, with which it is compared there.
        response_std: That spread, for 'robust'.
        renormalise: Keep it in every round.
        lambda1, lambda2, rho: Of the objective, see :func:`admm`; the threshold is ``lambda2 / rho``.

    Returns:
        Positive responses divided by each image's largest; ones where an image has none.

    Raises:
        ValueError: The grid does not fit, the mode is unknown, ``rho`` is below 2, or all features are equal.

    Examples:
        >>> features = torch.full((2, 36, 3), 0.1)
        >>> features[:, [14, 15, 20, 21]] = torch.tensor([1.0, 0.5, 0.0])  # what two 6 x 6 maps share, in the middle
        >>> masks = learn_masks(features, (6, 6))
        >>> tuple(masks.shape), (masks[0] > 0.5).nonzero().tolist()
        ((2, 6, 6), [[2, 2], [2, 3], [3, 2], [3, 3]])
    """
    if features.dim() != 3 or grid[0] * grid[1] != features.shape[1] or mode not in ('robust', 'literal'):
        raise ValueError(
            f'features {tuple(features.shape)}, grid {grid}, mode {mode!r}: expected (N, {grid[0] * grid[1]}, d) and '
            "'robust' or 'literal'."
        )
    used, state = begin(features, grid, response_std if mode == 'robust' else None)
    state = admm(used, state, iterations, lambda1, lambda2, rho, response_std if renormalise else None)
    # Negative responses are the background's side of the direction.
    positive = state.masks.clamp(min=0).float()
    highest = positive.amax(1, keepdim=True)
    return torch.where(highest > 0, positive / highest.clamp(min=1e-30), 1.0).unflatten(1, grid)


def begin(features: Tensor, grid: tuple[int, int], response_std: float | None) -> tuple[Tensor, MaskState]:
    """Features as the alternation takes them, and its start: the principal direction and its responses.

    Args:
        features: (N, P, d).
        grid: (h, w).
        response_std: Centre the features and scale them to this spread of responses; None leaves them as they are.

    Raises:
        ValueError: All features are equal, so that nothing can be told apart.
    """
    # Over the set, not the image: what every image has in the same amount is what they share.
    centred = features - features.mean((0, 1))
    direction = principal_direction(centred, grid)
    spread = _responses(centred, direction).std(correction=0)
    if not spread > 0:
        raise ValueError('all positions of the set have the same features: there is nothing to tell apart.')
    used = features if response_std is None else centred * (response_std / spread).to(features.dtype)
    responses = _responses(used, direction)
    return used, MaskState(direction, responses, torch.zeros_like(responses))


def _responses(features: Tensor, direction: Tensor) -> Tensor:
    return torch.stack([image.double() @ direction for image in features])
