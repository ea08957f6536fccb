import pytest
import torch

from salseg.errors import DataError, MissingTarget
from salseg.structures import FrameInputs, FrameTargets, SalDataSample


def targets(**fields):
    return FrameTargets(places=('set / 1',), **fields)


def test_saliency_masks_are_the_union_of_all_objects_and_leave_unknown_pixels_out():
    labels = torch.tensor([[[[0, 1], [2, 255]]]], dtype=torch.uint8)
    batch = targets(labels=labels)
    assert batch.masks()[0, 0, 0].tolist() == [[False, True], [True, False]]
    assert batch.valid_mask()[0, 0, 0].tolist() == [[True, True], [True, False]]


def test_object_masks_follow_the_slots():
    labels = torch.tensor([[[[0, 1], [2, 255]]]], dtype=torch.uint8)
    masks = targets(labels=labels, object_valid=torch.ones(1, 3, dtype=torch.bool)).masks()
    assert masks.shape == (1, 1, 3, 2, 2)
    assert masks[0, 0, :, 1, 0].tolist() == [False, True, False]


def test_a_missing_label_names_the_field_and_the_transform_that_provides_it():
    with pytest.raises(MissingTarget, match=r'reads boxes(.|\n)*set / 1(.|\n)*LoadBoxes or MasksToBoxes'):
        targets(inputs=torch.zeros(1, 1, 3, 4, 4)).box_masks()


def test_views_are_computed_once():
    batch = targets(labels=torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
    assert batch.masks((4, 4)) is batch.masks((4, 4))


def test_box_masks_hold_the_cells_whose_centre_is_inside():
    batch = targets(
        inputs=torch.zeros(1, 1, 3, 4, 8),
        boxes=torch.tensor([[[[2.0, 1.0, 5.0, 3.0], [0.0, 0.0, 8.0, 4.0]]]]),
        box_valid=torch.tensor([[[True, False]]]),
    )
    masks = batch.box_masks()[0, 0]
    assert masks[0].nonzero().tolist() == [[y, x] for y in (1, 2) for x in (2, 3, 4)]
    assert not masks[1].any()
    assert batch.box_masks((2, 4))[0, 0, 0].nonzero().tolist() == []


def test_soft_truth_is_the_area_mean_of_the_mask():
    labels = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    labels[..., :2, :3] = 1
    assert targets(labels=labels).soft_mask((2, 2))[0, 0, 0].tolist() == [[1.0, 0.5], [0.0, 0.0]]


def test_frames_cuts_every_field_alike():
    batch = targets(labels=torch.arange(3, dtype=torch.uint8).view(1, 3, 1, 1), inputs=torch.zeros(1, 3, 3, 1, 1))
    part = batch.frames(1, None)
    assert part.labels.flatten().tolist() == [1, 2]
    assert part.inputs.shape[1] == 2
    assert batch.labels.shape[1] == 3


def test_a_batch_that_is_labelled_in_part_is_refused():
    frames = FrameInputs(torch.zeros(2, 1, 3, 2, 2))
    first = SalDataSample(metainfo=dict(dataset='a', set_id='x', frame_ids=['x']))
    first.labels = torch.zeros(1, 2, 2, dtype=torch.uint8)
    second = SalDataSample(metainfo=dict(dataset='a', set_id='y', frame_ids=['y']))
    with pytest.raises(MissingTarget, match='a / y has no labels'):
        FrameTargets.from_samples([first, second], frames)


def test_padding_rows_are_unknown():
    frames = FrameInputs(torch.zeros(1, 1, 3, 4, 4))
    sample = SalDataSample(metainfo=dict(frame_ids=['x']))
    sample.labels = torch.ones(1, 2, 3, dtype=torch.uint8)
    known = FrameTargets.from_samples([sample], frames).valid_mask()
    assert known.sum() == 6


def test_a_sample_whose_labels_have_another_number_of_frames_is_refused():
    sample = SalDataSample(metainfo=dict(frame_ids=['a', 'b']))
    sample.labels = torch.zeros(1, 2, 2, dtype=torch.uint8)
    with pytest.raises(DataError, match='2 frames first'):
        sample.check()


def test_lab_of_known_colours():
    images = torch.tensor([255, 255, 255, 255, 0, 0, 0, 0, 0], dtype=torch.uint8).view(3, 3, 1, 1)
    white, red, black = targets(images=images[:, None]).lab(1).flatten(1)
    torch.testing.assert_close(white, torch.tensor([100.0, 0.0, 0.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(red, torch.tensor([53.24, 80.09, 67.20]), atol=0.03, rtol=0)
    torch.testing.assert_close(black, torch.zeros(3), atol=1e-4, rtol=0)
