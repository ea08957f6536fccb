"""Scribbles in the place of masks."""

import numpy as np
import pytest

from salseg.datasets.transforms import MasksToScribbles
from salseg.errors import DataError


def item(**others):
    mask = np.zeros((48, 64), np.uint8)
    mask[12:36, 16:48] = 1
    empty = np.zeros_like(mask)
    return (
        dict(dataset='set', set_id='video', frame_ids=['0', '1'], labels=[mask, empty], label_paths=[None] * 2) | others
    )


def test_scribbles_lie_on_their_class_and_the_rest_is_unknown():
    given = item()
    first, second = MasksToScribbles()(item())['labels']
    assert set(np.unique(first)) == {0, 1, 255}
    assert given['labels'][0][first == 1].all()
    assert not given['labels'][0][first == 0].any()
    assert (first == 255).mean() > 0.9
    assert set(np.unique(second)) == {0, 255}


def test_a_frame_has_the_same_scribbles_whenever_it_is_seen_and_each_frame_its_own():
    masks = [item()['labels'][0]] * 2
    once, again = (MasksToScribbles()(item(labels=list(masks)))['labels'] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(once, again))
    assert not np.array_equal(*once)
    other = MasksToScribbles(seed=1)(item(labels=list(masks)))['labels']
    assert not np.array_equal(once[0], other[0])


def test_nothing_else_tells_the_shape():
    soft = [labels.astype(np.float32) for labels in item()['labels']]
    found = MasksToScribbles()(item(saliency=soft, gt_maps=soft))
    assert not {'saliency', 'gt_maps', 'label_paths', 'label_images'} & set(found)


def test_a_frame_without_annotation_stays_unknown():
    unknown = np.full((48, 64), 255, np.uint8)
    assert (MasksToScribbles()(item(labels=[unknown, unknown]))['labels'][0] == 255).all()


def test_masks_are_asked_for_and_several_objects_refused():
    with pytest.raises(DataError, match='found no masks; put LoadLabels'):
        MasksToScribbles()({key: value for key, value in item().items() if key != 'labels'})
    with pytest.raises(DataError, match='one object, not several'):
        MasksToScribbles()(item(object_valid=np.ones(2, bool)))
