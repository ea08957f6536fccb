from collections import Counter

import torch

from salseg.ops import FlatGrid, half_window


def test_half_a_window_meets_every_unordered_pair_once():
    offsets = list(half_window(3))
    both = Counter(offsets + [(-dy, -dx) for dy, dx in offsets])
    assert both == Counter((dy, dx) for dy in range(-3, 4) for dx in range(-3, 4) if (dy, dx) != (0, 0))


def test_dilation_spreads_the_window():
    assert set(half_window(1, dilation=2)) == {(0, 2), (2, -2), (2, 0), (2, 2)}


def test_a_shift_leads_to_the_neighbour_or_into_the_margin():
    height, width, margin = 4, 5, 2
    grid = FlatGrid(height, width, margin)
    numbers = torch.arange(2 * height * width).view(2, 1, height, width) + 1
    flat = grid.flatten(numbers, fill=0)[0]
    for dy, dx in half_window(margin):
        there = torch.zeros_like(flat)
        there[: len(flat) - grid.shift(dy, dx)] = flat[grid.shift(dy, dx) :]
        there = grid.restore(there[None])[:, 0]
        for image in range(2):
            for y in range(height):
                for x in range(width):
                    inside = y + dy < height and 0 <= x + dx < width
                    assert there[image, y, x] == (numbers[image, 0, y + dy, x + dx] if inside else 0)


def test_restoring_is_the_inverse_of_flattening():
    maps = torch.rand(3, 2, 4, 5)
    grid = FlatGrid(4, 5, margin=3)
    torch.testing.assert_close(grid.restore(grid.flatten(maps, fill=9.0)), maps)
