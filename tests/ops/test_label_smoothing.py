import numpy as np
import pytest
import torch

from salseg.ops.dense_crf import MeanField
from salseg.ops.label_smoothing import SmoothingSettings, foreground_score, indicator, score_logits, smooth_labels
from salseg.ops.label_smoothing import slic, superpixel_areas, superpixel_means, touching


def draw_images(count=3, size=(40, 48)):
    """Red discs on green, and maps that show them faintly with noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: size[0], : size[1]]
    images, maps, truth = [], [], []
    for _ in range(count):
        y, x = rng.uniform(14, 26), rng.uniform(14, 34)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < 100
        image = np.where(inside[..., None], (200, 30, 30), (30, 140, 60)) + rng.integers(-10, 10, (*size, 3))
        noise = rng.random(size)
        images.append(image.clip(0, 255).astype(np.uint8))
        maps.append(torch.from_numpy((0.25 + 0.3 * inside + 0.4 * noise - 0.2).clip(0, 1).astype(np.float32)))
        truth.append(torch.from_numpy(inside))
    return images, maps, truth


def refiners(images):
    return [MeanField(torch.from_numpy(image), reduce=2) for image in images]


def overlap(maps, truth):
    hard = [value > 0.3 for value in maps]
    pairs = list(zip(hard, truth))
    return sum((h & t).sum() for h, t in pairs) / sum((h | t).sum() for h, t in pairs)


def test_smoothing_recovers_the_objects_of_a_group():
    images, maps, truth = draw_images()
    smoothed = smooth_labels(images, maps, refiners(images), SmoothingSettings(segments=60))
    assert overlap(smoothed, truth) > overlap(maps, truth) + 0.2


def test_the_map_outside_the_labels_is_zero_and_inside_it_stays():
    images, maps, _ = draw_images()
    for before, after in zip(maps, smooth_labels(images, maps, refiners(images), SmoothingSettings(segments=60))):
        kept = after > 0
        assert torch.equal(after[kept], before[kept])
        assert (after[~kept] == 0).all()


def test_one_image_and_mixed_sizes_work():
    images, maps, _ = draw_images()
    images[1], maps[1] = images[1][:30, :33], maps[1][:30, :33]
    found = smooth_labels(images, maps, refiners(images), SmoothingSettings(segments=30, output='marginal'))
    assert [tuple(x.shape) for x in found] == [(40, 48), (30, 33), (40, 48)]
    assert len(smooth_labels(images[:1], maps[:1], refiners(images[:1]))) == 1


def test_a_map_of_another_size_is_refused():
    images, maps, _ = draw_images()
    with pytest.raises(ValueError, match='size of its image'):
        smooth_labels(images, [maps[0], maps[1][1:], maps[2]], refiners(images))


def test_superpixels_count_from_zero_without_gaps():
    labels = slic(draw_images(1)[0][0], segments=40)
    assert labels.unique().tolist() == list(range(int(labels.max()) + 1))


def test_means_areas_and_neighbours_of_a_hand_made_map():
    labels = torch.tensor([[0, 0, 1], [2, 2, 1], [2, 2, 3]])
    values = torch.arange(9.0).view(1, 3, 3)
    assert superpixel_areas(labels).tolist() == [2, 2, 4, 1]
    assert superpixel_means(labels, values)[:, 0].tolist() == [0.5, 3.5, 5.0, 8.0]
    pairs = {tuple(pair) for pair in touching(labels).tolist()}
    # 0 and 3 do not touch, not even by a corner; 1 and 2 do, and so do 2 and 3, 1 and 3, 0 and 1, 0 and 2.
    wanted = {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)}
    assert pairs == wanted | {(b, a) for a, b in wanted}


def test_a_superpixel_exactly_at_the_mean_is_background():
    labels = torch.tensor([[0, 0, 1, 1]])
    assert indicator(labels, torch.tensor([[0.5, 0.5, 0.5, 0.5]])).tolist() == [0, 0]
    assert indicator(labels, torch.tensor([[0.5, 0.6, 0.5, 0.5]])).tolist() == [1, 0]


def test_scores_mix_pixel_and_superpixel_and_become_log_odds():
    labels = torch.tensor([[0, 1]])
    score = foreground_score(labels, torch.tensor([[0.5, 1.0]]), torch.tensor([1.0, 0.0]), beta=0.9)
    torch.testing.assert_close(score, torch.tensor([[0.55, 0.9]]))
    torch.testing.assert_close(torch.sigmoid(score_logits(score)), score)
    torch.testing.assert_close(score_logits(score, 'linear'), 2 * score - 1)
    assert torch.isfinite(score_logits(torch.tensor([0.0, 1.0]))).all()
