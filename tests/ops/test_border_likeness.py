import torch

from salseg.ops import border_likeness


def image(channels=4, size=14):
    """A square of one kind on a ground of another, with some noise."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.zeros(1, channels, size, size)
    maps[:, 0] = 1
    maps[:, :2, 4:9, 5:11] = torch.tensor([0.0, 1.0]).view(2, 1, 1)
    return maps + 0.01 * torch.randn(maps.shape, generator=generator)


def test_a_thing_that_differs_from_the_border_is_least_like_it():
    mean, nearest = border_likeness(image())[0]
    inside = torch.zeros(14, 14, dtype=torch.bool)
    inside[4:9, 5:11] = True
    for likeness in (mean, nearest):
        assert likeness[inside].max() < likeness[~inside].min()


def test_both_maps_are_the_cosines_to_the_border_written_out():
    maps = image(channels=3, size=6)
    vectors = (maps - maps.mean((2, 3), keepdim=True))[0].flatten(1).T
    border = [vectors[y * 6 + x] for y in range(6) for x in range(6) if y in (0, 5) or x in (0, 5)]
    cosines = torch.stack([torch.nn.functional.cosine_similarity(vectors, one[None]) for one in border], 1)
    for found, expected in zip(border_likeness(maps, nearest=0.25)[0], (cosines, cosines.sort(1).values[:, -5:])):
        expected = expected.mean(1)
        expected = (expected - expected.mean()) / expected.std(correction=0)
        torch.testing.assert_close(found.flatten(), expected, atol=1e-5, rtol=1e-4)


def test_what_all_places_share_and_the_strength_of_features_do_not_count():
    maps = image().double()
    torch.testing.assert_close(border_likeness(3 * maps + 5), border_likeness(maps))


def test_an_image_of_one_kind_gives_zeros_and_finite_gradients():
    maps = torch.ones(2, 3, 5, 5, requires_grad=True)
    found = border_likeness(maps)
    assert torch.equal(found, torch.zeros(2, 2, 5, 5))
    found.sum().backward()
    assert torch.isfinite(maps.grad).all()
