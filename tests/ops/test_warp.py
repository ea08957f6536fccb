import torch

from salseg.ops import compose_flows, consistent_flow, flow_magnitude, warp


def noise(shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_no_motion_changes_nothing():
    image = noise((2, 3, 5, 7))
    torch.testing.assert_close(warp(image, torch.zeros(2, 2, 5, 7, dtype=torch.float64)), image)


def test_whole_pixels_shift_the_image_and_repeat_its_border():
    image = noise((1, 1, 4, 6))
    flow = torch.tensor([2.0, -1.0], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 4, 6)
    rows, columns = (torch.arange(4) - 1).clamp(0, 3), (torch.arange(6) + 2).clamp(0, 5)
    torch.testing.assert_close(warp(image, flow), image[..., rows, :][..., columns])


def test_equals_a_blend_of_four_clamped_neighbours():
    image, flow = noise((1, 2, 6, 5)), (noise((1, 2, 6, 5), 1) - 0.5) * 20
    wanted = torch.empty_like(image)
    for y in range(6):
        for x in range(5):
            at_x, at_y = x + flow[0, 0, y, x].item(), y + flow[0, 1, y, x].item()
            left, top = int(at_x // 1), int(at_y // 1)
            a, b = at_x - left, at_y - top
            x0, x1 = min(max(left, 0), 4), min(max(left + 1, 0), 4)
            y0, y1 = min(max(top, 0), 5), min(max(top + 1, 0), 5)
            upper = (1 - a) * image[0, :, y0, x0] + a * image[0, :, y0, x1]
            lower = (1 - a) * image[0, :, y1, x0] + a * image[0, :, y1, x1]
            wanted[0, :, y, x] = (1 - b) * upper + b * lower
    torch.testing.assert_close(warp(image, flow), wanted)


def test_a_single_row_can_be_warped():
    image = noise((1, 1, 1, 4))
    flow = torch.tensor([1.0, 3.0], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 1, 4)
    torch.testing.assert_close(warp(image, flow), image[..., [1, 2, 3, 3]])


def test_magnitude_is_relative_to_the_sides():
    flow = torch.zeros(1, 2, 4, 10)
    flow[:, 0], flow[:, 1] = 3.0, 1.6
    torch.testing.assert_close(flow_magnitude(flow), torch.full((1, 1, 4, 10), 0.5))


def constant(dx, dy, size=(8, 10)):
    return torch.tensor([dx, dy], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, *size)


def test_translations_compose_to_their_sum_where_they_stay_inside():
    flow, inside = compose_flows(constant(2.0, -1.0), constant(1.5, 3.0))
    torch.testing.assert_close(flow, constant(3.5, 2.0))
    # Two columns leave to the right and the first row upwards.
    assert inside[0, 0].sum(dim=0).tolist() == [7] * 8 + [0, 0]
    assert inside[0, 0].sum(dim=1).tolist() == [0] + [8] * 7


def test_the_second_flow_is_read_where_the_first_one_ends():
    first, second = constant(2.0, 0.0), noise((1, 2, 8, 10))
    flow, _ = compose_flows(first, second)
    torch.testing.assert_close(flow[..., :8], first[..., :8] + second[..., 2:])


def test_what_a_moving_square_hides_fails_the_check_and_nothing_else_does():
    there, back = torch.zeros(1, 2, 12, 16), torch.zeros(1, 2, 12, 16)
    # A square moves three to the right over a background that stands still.
    there[:, 0, 4:8, 4:8], back[:, 0, 4:8, 7:11] = 3.0, -3.0
    passes = consistent_flow(there, back)[0, 0]
    hidden = torch.zeros(12, 16, dtype=torch.bool)
    hidden[4:8, 8:11] = True
    torch.testing.assert_close(passes, ~hidden)


def test_the_tolerance_of_the_check_grows_with_the_motion():
    for length, passes in ((0.0, False), (20.0, True)):
        there, back = constant(length, 0.0, (4, 50)), constant(0.8 - length, 0.0, (4, 50))
        assert bool(consistent_flow(there, back)[..., :20].all()) == passes
