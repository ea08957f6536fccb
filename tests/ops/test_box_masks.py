import pytest
import torch

from salseg.ops import boxes_of_masks, disjoint_masks, fill_boxes


def test_a_box_covers_the_pixels_whose_centre_it_holds():
    masks = fill_boxes(torch.tensor([[1.0, 0.0, 3.0, 2.0], [0.4, 0.6, 1.6, 9.0], [5.0, 5.0, 5.0, 6.0]]), (4, 3))
    assert masks[0].nonzero().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert masks[1].nonzero().tolist() == [[y, x] for y in (1, 2, 3) for x in (0, 1)]
    assert not masks[2].any()


def test_filling_the_box_of_a_rectangle_gives_it_back():
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        x = torch.randint(0, 9, (2,), generator=generator).sort().values
        y = torch.randint(0, 7, (2,), generator=generator).sort().values
        mask = torch.zeros(1, 8, 10, dtype=torch.bool)
        mask[0, y[0] : y[1] + 1, x[0] : x[1] + 1] = True
        boxes, valid = boxes_of_masks(mask)
        assert valid.all()
        assert torch.equal(fill_boxes(boxes, (8, 10)), mask)


def test_an_empty_mask_has_no_box():
    boxes, valid = boxes_of_masks(torch.zeros(1, 3, 3, dtype=torch.bool))
    assert not valid.any()
    assert not boxes.any()


def test_every_pixel_belongs_to_one_mask_and_none_is_lost():
    masks = torch.rand(4, 6, 7, generator=torch.Generator().manual_seed(1)) > 0.5
    for overlap in ('smaller', 'later'):
        found = disjoint_masks(masks, overlap)
        assert int(found.sum(0).max()) <= 1
        assert torch.equal(found.any(0), masks.any(0))
    assert torch.equal(disjoint_masks(masks, 'later')[3], masks[3])
    # Of equal masks the later one wins.
    smallest = 3 - int(masks.flatten(1).sum(1).flip(0).argmin())
    assert torch.equal(disjoint_masks(masks, 'smaller')[smallest], masks[smallest])
    with pytest.raises(ValueError, match="'smaller' or 'later'"):
        disjoint_masks(masks, 'larger')
