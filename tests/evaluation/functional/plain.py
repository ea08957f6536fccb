"""The metrics as their formulas read: a float image, one pass per threshold, every pixel. Slow, easy to check."""

import math

import numpy as np
from scipy.ndimage import convolve, distance_transform_edt

EPS = np.spacing(1.0)


def blobs(rng, shape, share=0.5):
    """A mask of a few rectangles and an 8-bit map that resembles it."""
    mask = np.zeros(shape, bool)
    for _ in range(int(rng.integers(1, 4))):
        top, left = (int(rng.integers(0, size)) for size in shape)
        height, width = (int(rng.integers(1, max(2, size * share))) for size in shape)
        mask[top : top + height, left : left + width] = True
    noise = rng.random(shape)
    grey = np.clip(255 * (0.7 * np.roll(mask, 1, axis=1) + 0.5 * noise * noise), 0, 255).astype(np.uint8)
    return grey, mask


def rescaled(grey):
    value = grey.astype(np.float64) / 255
    low, high = value.min(), value.max()
    return (value - low) / (high - low) if high > low else value


def binaries(value):
    """The map at its 256 thresholds, 255 first."""
    levels = np.floor(255 * value)
    return [levels >= threshold for threshold in range(255, -1, -1)]


def divided(a, b):
    return a / b if b else 0.0


def precision_recall(binary, mask):
    hit = np.sum(binary & mask)
    return divided(hit, binary.sum()), divided(hit, mask.sum())


def f_measure(binary, mask):
    precision, recall = precision_recall(binary, mask)
    return divided(1.3 * precision * recall, 0.3 * precision + recall)


def e_measure(binary, mask):
    if not mask.any():
        enhanced = ~binary
    elif mask.all():
        enhanced = binary
    else:
        a, b = binary - binary.mean(), mask - mask.mean()
        enhanced = (2 * a * b / (a * a + b * b + EPS) + 1) ** 2 / 4
    return enhanced.sum() / (mask.size - 1 + EPS)


def s_measure(value, mask):
    if not mask.any():
        return 1 - value.mean()
    if mask.all():
        return value.mean()
    share = mask.mean()
    s_object = share * _evenness(value[mask]) + (1 - share) * _evenness(1 - value[~mask])
    row, column = (int(np.round(c)) + 1 for c in np.argwhere(mask).mean(axis=0))
    s_region = 0
    for rows in (slice(0, row), slice(row, None)):
        for columns in (slice(0, column), slice(column, None)):
            x, y = value[rows, columns], mask[rows, columns].astype(float)
            s_region += x.size / value.size * _similarity(x, y) if x.size else 0
    return max(0, 0.5 * s_object + 0.5 * s_region)


def _evenness(x):
    deviation = x.std(ddof=1) if x.size > 1 else 0
    return 2 * x.mean() / (x.mean() ** 2 + 1 + deviation + EPS)


def _similarity(x, y):
    n = x.size - 1 + EPS
    variances = (np.sum((x - x.mean()) ** 2) + np.sum((y - y.mean()) ** 2)) / n
    covariance = np.sum((x - x.mean()) * (y - y.mean())) / n
    upper = 4 * x.mean() * y.mean() * covariance
    lower = (x.mean() ** 2 + y.mean() ** 2) * variances
    return upper / (lower + EPS) if upper else float(lower == 0)


def weighted_f(value, mask):
    if not mask.any():
        return 0.0
    error = np.abs(value - mask)
    distance, (rows, columns) = distance_transform_edt(~mask, return_indices=True)
    y, x = np.mgrid[-3:4, -3:4]
    kernel = np.exp(-(x * x + y * y) / 50)
    smooth = convolve(error[rows, columns], kernel / kernel.sum(), mode='constant')
    error = np.where(mask & (smooth < error), smooth, error)
    error *= np.where(mask, 1, 2 - np.exp(math.log(0.5) / 5 * distance))
    true, false = mask.sum() - error[mask].sum(), error[~mask].sum()
    recall, precision = 1 - error[mask].mean(), true / (true + false + EPS)
    return 2 * recall * precision / (recall + precision + EPS)


def boundary(mask):
    """Pixel by pixel: differs from the right, lower or lower-right neighbour that exists."""
    height, width = mask.shape
    line = np.zeros(mask.shape, bool)
    for r in range(height):
        for c in range(width):
            others = []
            if c + 1 < width:
                others.append(mask[r, c + 1])
            if r + 1 < height:
                others.append(mask[r + 1, c])
            if r + 1 < height and c + 1 < width:
                others.append(mask[r + 1, c + 1])
            line[r, c] = any(o != mask[r, c] for o in others)
    return line


def disk_dilation(image, radius):
    """Every pixel within a radius of one that is set."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    result = np.zeros(image.shape, bool)
    for r, c in np.argwhere(image):
        result |= (rows - r) ** 2 + (columns - c) ** 2 <= radius**2
    return result


def boundary_f(prediction, truth, radius):
    ours, theirs = boundary(prediction), boundary(truth)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = np.mean(disk_dilation(theirs, radius)[ours])
    recall = np.mean(disk_dilation(ours, radius)[theirs])
    return divided(2 * precision * recall, precision + recall)
