"""Two rules that need no learning, to show beside a model that synthetic data is not easy."""

import numpy as np


def centre_prior(height: int, width: int, spread: float = 0.25) -> np.ndarray:
    """Gaussian around the middle, (H, W) float32 in (0, 1]; ``spread`` is its deviation in heights and widths."""
    y = (np.arange(height, dtype=np.float32) + 0.5) / height - 0.5
    x = (np.arange(width, dtype=np.float32) + 0.5) / width - 0.5
    return np.exp(-(y[:, None] ** 2 + x[None] ** 2) / np.float32(2 * spread * spread))


def border_contrast(image: np.ndarray, clusters: int = 1, border: float = 0.06) -> np.ndarray:
    """Distance of each pixel's colour to the colours of the image's border.

    Args:
        image: (H, W, 3) uint8 RGB.
        clusters: Mean colours that describe the border: with 1 its mean, with more the centres of k-means, of which the
            nearest counts.
        border: Thickness of the border as a fraction of the shorter side.

    Returns:
        (H, W) float32 in [0, 1], min-max normalised.
    """
    pixels = image.astype(np.float32) / 255
    thick = max(1, round(border * min(image.shape[:2])))
    frame = np.ones(image.shape[:2], dtype=bool)
    frame[thick:-thick, thick:-thick] = False
    centres = _k_means(pixels[frame], clusters)
    far = np.min([np.sqrt(((pixels - centre) ** 2).sum(-1)) for centre in centres], axis=0)
    return (far - far.min()) / max(float(far.max() - far.min()), 1e-6)


def _k_means(colors: np.ndarray, count: int, rounds: int = 12) -> np.ndarray:
    """Centres of colours, started far apart from each other."""
    centres = colors.mean(axis=0, keepdims=True)
    if count == 1:
        return centres
    for _ in range(count):
        far = ((colors[:, None] - centres) ** 2).sum(-1).min(axis=1)
        centres = np.concatenate([centres, colors[None, int(np.argmax(far))]])
    centres = centres[1:]
    for _ in range(rounds):
        owner = ((colors[:, None] - centres) ** 2).sum(-1).argmin(axis=1)
        centres = np.stack(
            [colors[owner == k].mean(axis=0) if (owner == k).any() else centres[k] for k in range(count)]
        )
    return centres
