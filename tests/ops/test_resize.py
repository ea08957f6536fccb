import torch

from salseg.ops import resize, scaled_size


def test_the_right_size_gives_the_very_same_tensor():
    maps = torch.rand(2, 1, 5, 7)
    assert resize(maps, (5, 7)) is maps


def test_aligned_corners_keep_the_corner_values_and_others_do_not():
    maps = torch.tensor([[[[0.0, 1.0]]]])
    torch.testing.assert_close(resize(maps, (1, 3), align_corners=True), torch.tensor([[[[0.0, 0.5, 1.0]]]]))
    torch.testing.assert_close(resize(maps, (1, 4)), torch.tensor([[[[0.0, 0.25, 0.75, 1.0]]]]))


def test_halving_takes_the_mean_of_four_pixels():
    maps = torch.rand(1, 1, 6, 8)
    expected = maps.view(1, 1, 3, 2, 4, 2).mean((3, 5))
    torch.testing.assert_close(resize(maps, (3, 4)), expected)


def test_leading_axes_are_kept():
    maps = torch.rand(2, 3, 4, 5, 6)
    torch.testing.assert_close(resize(maps, (3, 9))[1, 2], resize(maps[1, 2][None], (3, 9))[0])
    assert resize(maps[0, 0], (3, 9)).shape == (4, 3, 9)


def test_gradient_reaches_every_pixel_when_enlarging():
    maps = torch.rand(1, 2, 1, 4, 5, requires_grad=True)
    resize(maps, (8, 10)).sum().backward()
    torch.testing.assert_close(maps.grad.sum(), torch.tensor(2 * 80.0))
    assert maps.grad.min() > 0


def test_scaled_sizes_are_rounded_down_and_never_vanish():
    assert scaled_size((320, 321), 0.25) == (80, 80)
    assert scaled_size((128, 2), 0.3) == (38, 1)
