import pytest
import torch

from salseg.ops import cut_padding, even_padding, pad_frames


@pytest.mark.parametrize(
    ('size', 'expected'), [((16, 32), (0, 0, 0, 0)), ((15, 33), (7, 8, 0, 1)), ((1, 17), (7, 8, 7, 8))]
)
def test_an_odd_pixel_goes_to_the_right_and_the_bottom(size, expected):
    assert even_padding(size, 16) == expected


def test_always_goes_to_the_next_multiple():
    assert even_padding((480, 864), 32, always=True) == (16, 16, 16, 16)


def test_cutting_undoes_padding_with_zeros_or_a_colour():
    frames = torch.rand(2, 3, 5, 7)
    colour = torch.tensor([0.1, -2.0, 3.0])
    for value in (None, colour):
        pad = even_padding((5, 7), 4)
        padded = pad_frames(frames, pad, value)
        assert padded.shape == (2, 3, 8, 8)
        assert torch.equal(cut_padding(padded, pad), frames)
        expected = torch.zeros(3) if value is None else colour
        assert torch.equal(padded[0, :, 0, 0], expected)
        assert torch.equal(padded[1, :, -1, -1], expected)
