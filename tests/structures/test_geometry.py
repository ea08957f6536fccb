import torch

from salseg.structures import FrameGeometry


def image(height=12, width=20):
    return torch.arange(height * width, dtype=torch.float32).view(1, height, width)


def test_an_untouched_frame_comes_back_as_it_is():
    maps = image()
    assert torch.equal(FrameGeometry.whole(12, 20).undo(maps), maps)


def test_flip_and_padding_are_undone_exactly():
    record = FrameGeometry.whole(12, 20).flipped().padded(0, 0, 4, 3)
    seen = torch.nn.functional.pad(image().flip(-1), (0, 4, 0, 3), value=-1)
    assert torch.equal(record.undo(seen), image())


def test_a_crop_is_pasted_back_where_it_was_cut():
    record = FrameGeometry.whole(12, 20).cropped(5, 2, 15, 10)
    whole = record.undo(image()[:, 2:10, 5:15], fill=-7)
    assert torch.equal(whole[:, 2:10, 5:15], image()[:, 2:10, 5:15])
    assert (whole[:, :2] == -7).all()
    assert (whole[:, :, 15:] == -7).all()


def test_a_crop_of_a_mirrored_frame_lands_on_the_mirrored_side():
    record = FrameGeometry.whole(12, 20).flipped().cropped(0, 0, 6, 12)
    seen = image().flip(-1)[:, :, :6]
    assert torch.equal(record.undo(seen)[:, :, 14:], image()[:, :, 14:])


def test_scaling_is_undone_to_the_stored_size():
    record = FrameGeometry.whole(12, 20).scaled(6, 6)
    assert record.undo(torch.ones(2, 6, 6)).shape == (2, 12, 20)


def test_a_crop_after_scaling_is_in_pixels_of_the_stored_image():
    record = FrameGeometry.whole(10, 20).scaled(20, 40).cropped(10, 4, 30, 16)
    assert record.crop == (5, 2, 15, 8)
    assert record.undo(torch.ones(1, 12, 20)).shape == (1, 10, 20)
