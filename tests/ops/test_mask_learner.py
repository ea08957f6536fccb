import pytest
import torch

from salseg.ops.mask_learner import (
    admm,
    begin,
    centre,
    leading_eigenvector,
    learn_masks,
    scatter_matrix,
    soft_threshold,
)


def group(images=4, grid=(8, 10), channels=16, seed=0):
    """Features whose object, a bright ellipse near the middle, has a direction of its own."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(*(torch.arange(n) for n in grid), indexing='ij')
    direction = torch.randn(channels, generator=generator)
    truth, features = [], []
    for _ in range(images):
        y, x = (n * (0.4 + 0.2 * torch.rand((), generator=generator)) for n in grid)
        inside = ((rows - y) / grid[0]).square() + ((columns - x) / grid[1]).square() < 0.05
        noise = torch.randn(*grid, channels, generator=generator)
        features.append((inside[..., None] * 3 * direction + noise).flatten(0, 1))
        truth.append(inside)
    return torch.stack(features), torch.stack(truth)


def test_values_move_towards_zero_by_the_threshold():
    values = torch.tensor([-12.0, -10.0, -3.0, 0.0, 10.0, 15.0])
    assert soft_threshold(values, 10.0).tolist() == [-2.0, 0.0, 0.0, 0.0, 0.0, 5.0]


def test_masks_find_what_the_images_share():
    features, truth = group()
    masks = learn_masks(features, truth.shape[1:])
    assert masks.shape == truth.shape
    assert masks.amin() >= 0
    assert masks.flatten(1).amax(1).tolist() == [1.0] * 4
    assert masks[truth].mean() > 10 * masks[~truth].mean()


def test_masks_do_not_depend_on_the_scale_or_an_offset_of_the_features():
    features, truth = group()
    plain = learn_masks(features, truth.shape[1:])
    moved = learn_masks(100 * features + 7, truth.shape[1:])
    torch.testing.assert_close(moved, plain, rtol=0, atol=2e-3)


def test_taken_literally_the_scale_decides_whether_anything_is_left():
    features, truth = group()
    small = learn_masks(0.1 * features, truth.shape[1:], mode='literal')
    assert (small == 1).all(), 'responses below the threshold leave nothing, so masks are all ones'
    assert (learn_masks(20 * features, truth.shape[1:], mode='literal') < 1).any()


def test_a_single_image_is_a_set_of_its_own():
    features, truth = group(images=1)
    assert learn_masks(features, truth.shape[1:]).shape == (1, 8, 10)


def test_the_direction_points_to_the_centre_whatever_the_sign_of_the_features():
    features, truth = group()
    for sign in (1, -1):
        _, state = begin(sign * features, tuple(truth.shape[1:]), 25.0)
        assert (state.masks * centre(truth.shape[1:])).sum() > 0


def test_scaled_responses_have_the_given_spread():
    features, truth = group()
    _, state = begin(features, tuple(truth.shape[1:]), 25.0)
    assert abs(state.masks.std(correction=0).item() - 25) < 1e-3


def test_a_step_solves_its_own_least_squares_problem():
    features, truth = group()
    used, state = begin(features, tuple(truth.shape[1:]), 25.0)
    found = admm(used, state, 1)
    centred = used.double()
    matrix = 8 * scatter_matrix(centred) + 0.002 * torch.eye(16, dtype=torch.float64)
    right = 10 * torch.einsum('npd,np->d', centred, state.masks.double() - state.duals.double())
    torch.testing.assert_close(matrix @ found.direction, right, rtol=1e-4, atol=1e-4 * right.abs().max().item())


def test_renormalised_rounds_do_not_die_out():
    features, truth = group()
    assert (learn_masks(features, truth.shape[1:], iterations=20, renormalise=True) < 1).any()


def test_bad_input_is_refused_with_what_was_expected():
    features, truth = group()
    with pytest.raises(ValueError, match='expected'):
        learn_masks(features, (3, 3))
    with pytest.raises(ValueError, match='nothing to tell apart'):
        learn_masks(torch.ones(2, 12, 4), (3, 4))
    used, state = begin(features, tuple(truth.shape[1:]), 25.0)
    with pytest.raises(ValueError, match='rho'):
        admm(used, state, 1, rho=1.0)


def test_the_leading_eigenvector_is_that_of_the_whole_decomposition():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(60, 60, dtype=torch.float64, generator=generator))[0]
    # Falling, with two equal largest but for a millionth (more rounds than are allowed), and one value alone.
    for values in (0.8 ** torch.arange(60), torch.cat([torch.tensor([1 + 1e-6]), torch.ones(59)]), torch.eye(60)[0]):
        matrix = (vectors * values.double()) @ vectors.t()
        found = leading_eigenvector(matrix)
        torch.testing.assert_close((found @ vectors[:, 0]).abs().item(), 1.0, rtol=0, atol=1e-9)
    assert torch.equal(leading_eigenvector(matrix), leading_eigenvector(matrix))
