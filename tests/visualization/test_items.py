import numpy as np
import torch

from salseg.structures import SalDataSample
from salseg.visualization import overlay
from salseg.visualization.items import draw_boxes, draw_flow, draw_labels, item_images


def item(frames=2, size=(20, 30), **fields):
    sample = SalDataSample(metainfo=dict(frame_ids=[str(t) for t in range(frames)]))
    sample.set_data(fields)
    return dict(inputs=torch.full((frames, 3, *size), 100, dtype=torch.uint8), data_samples=sample)


def test_every_frame_gets_a_row_and_every_field_a_column():
    labels = torch.zeros(2, 20, 30, dtype=torch.uint8)
    titles, rows = item_images(
        item(labels=labels, flow=torch.ones(2, 2, 20, 30), guidance=torch.rand(2, 1, 20, 30), gt_maps=[None, None])
    )
    assert titles == ['input', 'labels', 'guidance', 'flow', 'truth, own size']
    assert [len(row) for row in rows] == [5, 5]
    assert all(image.dtype == np.uint8 and image.shape[2] == 3 for row in rows for image in row)


def test_an_image_without_anything_else_is_the_input_itself():
    ((image,),) = item_images(item(1))[1]
    assert (image == 100).all()


def test_prompts_of_other_frames_than_the_shown_one_get_rows_of_their_own():
    titles, rows = item_images(item(1, prompt=torch.stack([torch.zeros(20, 30), torch.ones(20, 30)])))
    assert (titles, len(rows)) == (['input', 'prompt'], 2)
    assert (rows[1][1] == 255).all()


def test_scribbles_are_painted_and_masks_are_tinted():
    image = np.full((20, 30, 3), 90, np.uint8)
    scribbles = np.full((20, 30), 255, np.uint8)
    scribbles[4, 5:9], scribbles[15, 5:25] = 1, 0
    painted = draw_labels(image, scribbles)
    assert tuple(painted[4, 6]) == (40, 200, 60)
    assert tuple(painted[15, 6]) == (220, 40, 40)
    assert (painted[10, 15] == 90).all()
    masks = np.zeros((20, 30), np.uint8)
    masks[5:15, 5:15], masks[5:15, 20:25] = 1, 255
    tinted = draw_labels(image, masks)
    assert tinted[10, 10, 0] > tinted[10, 10, 1]
    assert (tinted[10, 22] == 30).all()
    assert (tinted[0, 0] == 90).all()


def test_boxes_are_drawn_just_inside_their_corners_and_absent_ones_are_not():
    image = np.zeros((20, 30, 3), np.uint8)
    boxes = torch.tensor([[3.0, 4.0, 10.0, 12.0], [0.0, 0.0, 5.0, 5.0]])
    drawn = draw_boxes(image, boxes, torch.tensor([True, False])).any(2)
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (4, 11, 3, 9)


def test_opposite_flows_have_opposite_colours_and_none_is_white():
    flow = np.zeros((2, 4, 6), np.float32)
    flow[0, :, :2], flow[0, :, 4:] = 3, -3
    drawn = draw_flow(flow)
    assert tuple(drawn[0, 0]) == (255, 0, 0)
    assert tuple(drawn[0, 5]) == (0, 255, 255)
    assert tuple(drawn[0, 3]) == (255, 255, 255)


def test_an_overlay_in_strips_is_that_in_one_piece(monkeypatch):
    rng = np.random.default_rng(0)
    image, saliency = rng.integers(0, 256, (70, 90, 3), np.uint8), rng.integers(0, 256, (70, 90), np.uint8)
    whole = overlay.overlay_map(image, saliency)
    monkeypatch.setattr(overlay, 'STRIP', 7 * 90)
    np.testing.assert_array_equal(overlay.overlay_map(image, saliency), whole)
