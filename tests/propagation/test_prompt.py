import numpy as np
import pytest
import torch

from salseg.errors import DataError
from salseg.propagation import Prompt, merge_prompt


def test_boxes_become_filled_masks_cut_at_the_border():
    prompt = Prompt.from_boxes({2: (1, 1, 3, 2), 1: (2, 3, 99, 99)}, (4, 5))
    assert prompt.ids == (1, 2)
    assert prompt.masks[1].nonzero().tolist() == [[1, 1], [1, 2]]
    assert prompt.masks[0].nonzero().tolist() == [[3, 2], [3, 3], [3, 4]]


def test_pixels_of_two_boxes_go_to_the_smaller_or_to_the_later_one():
    boxes = {1: (0, 0, 2, 2), 2: (0, 0, 4, 4)}
    assert Prompt.from_boxes(boxes, (4, 4)).masks.sum((1, 2)).tolist() == [4, 12]
    assert Prompt.from_boxes(boxes, (4, 4), overlap='later').masks.sum((1, 2)).tolist() == [0, 16]
    with pytest.raises(DataError, match="'smaller' or 'later'"):
        Prompt.from_boxes(boxes, (4, 4), overlap='first')


def test_a_label_map_gives_its_ids_and_says_nothing_at_zero_and_unknown():
    prompt = Prompt.from_labels(np.array([[0, 9], [255, 4]], np.uint8))
    assert prompt.ids == (4, 9)
    assert prompt.masks.tolist() == [[[False, False], [False, True]], [[False, True], [False, False]]]


def test_an_exhaustive_map_declares_known_objects_absent():
    prompt = Prompt.from_labels(np.array([[0, 9]], np.uint8), known=[2, 9], exhaustive=True)
    assert prompt.ids == (2, 9)
    assert prompt.masks.flatten(1).any(1).tolist() == [False, True]


def test_boxes_of_masks_are_the_smallest_ones():
    masks = np.zeros((2, 5, 6), bool)
    masks[0, 1, 2] = masks[0, 3, 4] = True
    masks[1, 4, 0] = True
    boxed = Prompt.from_masks({1: masks[0], 2: masks[1]}).boxed()
    assert boxed.masks[0].nonzero().tolist() == [[y, x] for y in (1, 2, 3) for x in (2, 3, 4)]
    assert boxed.masks[1].sum() == 1
    assert boxed.from_box == (True, True)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: Prompt.from_masks({}), 'names no object'),
        (lambda: Prompt.from_masks({0: np.ones((2, 2))}), '0 is background'),
        (lambda: Prompt.from_masks({255: np.ones((2, 2))}), 'from 1 to 254'),
        (lambda: Prompt.from_masks({1: np.ones((2, 2)), 2: np.ones((2, 3))}), 'expected one shape'),
        (lambda: Prompt.from_boxes({1: (3, 1, 2, 2)}, (4, 4)), 'x0 < x1'),
        (lambda: Prompt.from_boxes({1: (9, 9, 12, 12)}, (4, 4)), 'inside the image'),
        (lambda: Prompt.from_boxes({1: (1, 2, 3)}, (4, 4)), 'four numbers'),
        (lambda: Prompt.from_labels(np.zeros((2, 2), np.uint8)), 'holds no object'),
        (lambda: Prompt.from_labels(np.zeros((2, 2), np.float32)), 'integers'),
    ],
)
def test_what_cannot_be_a_prompt_is_explained(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_a_prompt_takes_its_pixels_from_all_known_objects():
    predicted = torch.full((3, 1, 2), 0.3)
    given = torch.tensor([[[1.0, 0.0]]])
    merged = merge_prompt(predicted, given, [4, 9], [9], [4, 9])
    torch.testing.assert_close(merged, torch.tensor([[[0.0, 0.3]], [[1.0, 0.0]]]))
