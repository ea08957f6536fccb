import torch

from salseg.ops import channel_matching, matching_weights, pixel_matching


def maps(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 8, 3, 4, generator=generator), torch.randn(2, 8, 5, 2, generator=generator)


def test_every_target_position_is_the_mean_of_the_reference_by_its_weights():
    reference, target = maps()
    similarity, weights = matching_weights(reference, target)
    torch.testing.assert_close(similarity[1, 5, 3], reference[1].flatten(1)[:, 5] @ target[1].flatten(1)[:, 3])
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 10))
    expected = (reference.flatten(2) @ weights).unflatten(2, (5, 2))
    torch.testing.assert_close(pixel_matching(reference, target), expected)


def test_shuffling_reference_positions_changes_nothing_and_target_positions_move_along():
    reference, target = maps()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    shuffled = reference.flatten(2)[..., order].unflatten(2, (3, 4))
    torch.testing.assert_close(pixel_matching(shuffled, target), pixel_matching(reference, target))
    torch.testing.assert_close(pixel_matching(reference, target.flip(2)), pixel_matching(reference, target).flip(2))


def test_gradients_are_those_of_the_written_out_form():
    found = []
    for form in (pixel_matching, lambda r, t: (r.flatten(2) @ matching_weights(r, t)[1]).unflatten(2, t.shape[2:])):
        reference, target = (x.requires_grad_() for x in maps())
        form(reference, target).square().sum().backward()
        found.append((reference.grad, target.grad))
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=1e-4)


def test_sharp_matches_copy_the_reference():
    reference = 50 * torch.eye(4).view(1, 4, 2, 2)
    torch.testing.assert_close(pixel_matching(reference, reference.flip(3)), reference.flip(3))


def test_channels_of_one_map_mix_by_their_products():
    features = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)) / 4
    flat = features[1].flatten(1)
    weights = torch.softmax(flat @ flat.T, 0)
    expected = torch.stack([sum(weights[i, j] * flat[i] for i in range(3)) for j in range(3)])
    torch.testing.assert_close(channel_matching(features)[1].flatten(1), expected)


def test_a_scale_softens_the_weights_and_leaves_the_values():
    generator = torch.Generator().manual_seed(3)
    reference, target = (torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    flat = reference.flatten(2)
    weights = torch.softmax(0.25 * flat.transpose(1, 2) @ target.flatten(2), 1)
    torch.testing.assert_close(pixel_matching(reference, target, 0.25).flatten(2), flat @ weights)


def test_keys_are_searched_in_the_place_of_the_reference():
    reference, target = maps()
    keys = torch.randn(2, 3, 3, 4, generator=torch.Generator().manual_seed(4))
    found = pixel_matching(reference, target[:, :3], 0.5, keys=keys)
    weights = torch.softmax(0.5 * keys.flatten(2).transpose(1, 2) @ target[:, :3].flatten(2), 1)
    torch.testing.assert_close(found.flatten(2), reference.flatten(2) @ weights)
