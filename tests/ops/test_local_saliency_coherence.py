import math

import pytest
import torch

from salseg.ops import CoherenceKernel, local_saliency_coherence

COLOUR = CoherenceKernel(weight=0.9, sigma_position=3.0, sigma_image=0.5)
PLAIN = CoherenceKernel(weight=0.1, sigma_position=2.0, sigma_image=None)


def sample(shape=(2, 1, 6, 7), seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    saliency = torch.rand(shape, generator=generator, dtype=dtype)
    image = torch.rand((shape[0], 3, *shape[2:]), generator=generator, dtype=dtype) * 2 - 1
    return saliency.requires_grad_(), image


def by_definition(saliency, image, kernels, radius, border='zeros'):
    """The definition pixel by pixel: outside the image colour, saliency and position are 0."""
    height, width = saliency.shape[-2:]
    total = 0
    for y in range(height):
        for x in range(width):
            for v in range(y - radius, y + radius + 1):
                for u in range(x - radius, x + radius + 1):
                    inside = 0 <= v < height and 0 <= u < width
                    if not inside and border == 'ignore':
                        continue
                    there = saliency[..., v, u] if inside else 0
                    colour = image[..., v, u] if inside else torch.zeros_like(image[..., 0, 0])
                    j, i = (v, u) if inside else (0, 0)
                    pair = 0
                    for kernel in kernels:
                        exponent = -((y - j) ** 2 + (x - i) ** 2) / (2 * kernel.sigma_position**2)
                        if kernel.sigma_image is not None:
                            squared = (image[..., y, x] - colour).square().sum(-1, keepdim=True)
                            exponent = exponent - squared / (2 * kernel.sigma_image**2)
                        pair = pair + kernel.weight * torch.exp(torch.as_tensor(exponent, dtype=image.dtype))
                    total = total + pair * (saliency[..., y, x] - there).abs()
    return total / (height * width)


def value_and_gradient(function, saliency):
    value = function(saliency)
    (gradient,) = torch.autograd.grad(value.sum(), saliency)
    return value.detach(), gradient


@pytest.mark.parametrize('border', ['zeros', 'ignore'])
@pytest.mark.parametrize('kernels', [(COLOUR,), (PLAIN,), (COLOUR, PLAIN), (PLAIN, COLOUR)])
def test_is_the_definition_pixel_by_pixel_with_its_gradient(kernels, border):
    saliency, image = sample()
    ours = value_and_gradient(lambda s: local_saliency_coherence(s, image, kernels, 2, border=border), saliency)
    slow = value_and_gradient(lambda s: by_definition(s, image, kernels, 2, border), saliency)
    torch.testing.assert_close(ours, slow)


def test_gradient_is_that_of_finite_differences():
    saliency, image = sample((1, 2, 5, 6))
    assert torch.autograd.gradcheck(lambda s: local_saliency_coherence(s, image, (COLOUR, PLAIN), 2), saliency)


def test_a_window_larger_than_the_image_reaches_all_pairs():
    saliency, image = sample((1, 1, 3, 2))
    ours = local_saliency_coherence(saliency, image, (COLOUR,), 5)
    torch.testing.assert_close(ours, by_definition(saliency, image, (COLOUR,), 5))


def test_channels_share_weights_without_touching_each_other():
    saliency, image = sample((2, 3, 6, 7))
    whole = local_saliency_coherence(saliency, image, (COLOUR,), 2)
    alone = [local_saliency_coherence(saliency[:, k : k + 1], image, (COLOUR,), 2) for k in range(3)]
    torch.testing.assert_close(whole, torch.cat(alone, dim=1))


def test_bandwidths_by_channel_equal_separate_calls():
    saliency, image = sample((2, 4, 6, 7))
    sigmas = (0.5, 0.05, None, 0.5)

    def together(s):
        return local_saliency_coherence(s, image, (CoherenceKernel(1.0, 3.0, sigmas), PLAIN), 2)

    def apart(s):
        calls = [(CoherenceKernel(1.0, 3.0, sigma), PLAIN) for sigma in sigmas]
        return torch.cat(
            [local_saliency_coherence(s[:, k : k + 1], image, kernels, 2) for k, kernels in enumerate(calls)], dim=1
        )

    torch.testing.assert_close(value_and_gradient(together, saliency), value_and_gradient(apart, saliency))


def test_leading_axes_are_kept():
    saliency, image = sample((6, 2, 5, 4))
    folded = local_saliency_coherence(saliency.view(2, 3, 2, 5, 4), image.view(2, 3, 3, 5, 4), (COLOUR,), 2)
    torch.testing.assert_close(folded, local_saliency_coherence(saliency, image, (COLOUR,), 2).view(2, 3, 2))


def test_a_uniform_map_costs_nothing_but_at_the_published_border():
    _, image = sample()
    ones = torch.ones(2, 1, 6, 7, dtype=torch.float64)
    assert local_saliency_coherence(ones, image * 0.01, border='ignore').abs().max() == 0
    assert local_saliency_coherence(ones, image * 0.01).min() > 0


def test_equal_pixels_get_no_gradient():
    saliency = torch.full((1, 1, 6, 7), 0.5, requires_grad=True)
    local_saliency_coherence(saliency, torch.zeros(1, 3, 6, 7), border='ignore').sum().backward()
    assert saliency.grad.abs().max() == 0


def test_mirroring_the_image_changes_nothing_inside():
    saliency, image = sample((1, 1, 8, 9))
    kernels = (COLOUR, PLAIN)
    plain = local_saliency_coherence(saliency, image, kernels, 3, border='ignore')
    for axes in ((-1,), (-2,), (-2, -1)):
        mirrored = local_saliency_coherence(saliency.flip(axes), image.flip(axes), kernels, 3, border='ignore')
        torch.testing.assert_close(mirrored, plain)


def test_a_strong_edge_in_colour_separates_two_regions():
    saliency = torch.zeros(1, 1, 8, 8)
    saliency[..., 4:] = 1
    image = torch.full((1, 3, 8, 8), 5.0)
    joined = local_saliency_coherence(saliency, image, border='ignore')
    image[..., 4:] = -5
    assert joined > 1
    assert local_saliency_coherence(saliency, image, border='ignore') < 1e-20


def test_two_pixels_by_hand():
    saliency = torch.tensor([[[[0.2, 0.7]]]], dtype=torch.float64)
    image = torch.tensor([[[[0.0, 0.1]]] * 3], dtype=torch.float64).view(1, 3, 1, 2)
    kernel = CoherenceKernel(weight=2.0, sigma_position=1.0, sigma_image=0.1)
    # Both pixels see each other: 2 pixels x 2 exp(-1/2 - 3/2) x 0.5, averaged over 2 pixels.
    expected = 2 * math.exp(-0.5 - 0.5 * 3 * 0.1**2 / 0.1**2) * 0.5
    assert local_saliency_coherence(saliency, image, (kernel,), 1, border='ignore').item() == pytest.approx(expected)


def test_the_image_gets_no_gradient():
    saliency, image = sample()
    image.requires_grad_()
    local_saliency_coherence(saliency, image).sum().backward()
    assert image.grad is None


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32_also_under_autocast(dtype):
    saliency, image = sample((1, 1, 40, 40), dtype=torch.float32)
    low = saliency.detach().to(dtype).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        value = local_saliency_coherence(low, image)
    value.sum().backward()
    assert value.dtype == torch.float32
    assert low.grad.dtype == dtype
    torch.testing.assert_close(value, local_saliency_coherence(low.detach().float(), image))


def test_float32_agrees_with_float64_on_a_full_grid():
    saliency, image = sample((1, 1, 80, 80))
    exact = local_saliency_coherence(saliency, image)
    torch.testing.assert_close(
        local_saliency_coherence(saliency.float(), image.float()).double(), exact, rtol=1e-6, atol=0
    )


def test_shapes_that_do_not_belong_together_are_named():
    saliency, image = sample()
    with pytest.raises(ValueError, match=r'\(2, 1, 6, 7\) and \(2, 3, 6, 6\)'):
        local_saliency_coherence(saliency, image[..., :-1])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(kernels=()), 'at least one kernel'),
        (dict(kernels=(CoherenceKernel(sigma_image=0.0),)), 'must be positive'),
        (dict(kernels=(CoherenceKernel(sigma_image=(0.1, 0.1)),)), '2 entries for 1 channels'),
        (dict(radius=0), 'radius is 0'),
        (dict(border='wrap'), "'zeros' or 'ignore'"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    saliency, image = sample()
    with pytest.raises(ValueError, match=message):
        local_saliency_coherence(saliency, image, **arguments)
