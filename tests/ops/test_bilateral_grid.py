import pytest
import torch

from salseg.ops.bilateral_grid import BilateralGrid
from salseg.ops.dense_crf import CRFSettings, MeanField, dense_crf
from tests.ops.test_dense_crf import scene


def textured(size=(40, 53), seed=0):
    """A smooth image of many colours with noise, and log-odds that guess its bright half."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode='bicubic').clamp(0, 1)[0].permute(1, 2, 0)
    image = (255 * smooth + 8 * torch.randn(*size, 3, generator=generator)).clamp(0, 255).to(torch.uint8)
    logits = 6 * (smooth.mean(2) - 0.5) + torch.randn(size, generator=generator)
    return image, logits


def kernel_matrix(colours, near, alike):
    """All pairs of pixels, written out."""
    height, width = colours.shape[1:]
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=colours.dtype) for n in (height, width)), indexing='ij')
    points = torch.cat([torch.stack([rows, columns]) / near, colours / alike]).flatten(1).t()
    return torch.exp(-0.5 * torch.cdist(points, points).square())


def normalised(matrix):
    scale = matrix.sum(1).rsqrt()
    return scale[:, None] * matrix * scale


def matrix_of(grid, size):
    columns = torch.eye(size[0] * size[1], dtype=torch.float64).view(-1, *size)
    return torch.stack([grid.filter(column).flatten() for column in columns], 1)


def test_the_normalised_kernel_is_nearly_the_exact_one():
    colours = textured((5, 6))[0].permute(2, 0, 1).double()
    exact = normalised(kernel_matrix(colours, 3.0, 90.0))
    worst = []
    for spacing in (0.6, 0.3):
        found = normalised(matrix_of(BilateralGrid(colours, 3.0, 90.0, spacing), (5, 6)))
        # Of what a pixel hears from all others.
        worst.append(((found - exact).abs().sum(1) / exact.sum(1)).max())
    assert worst[0] < 0.07
    assert worst[1] < worst[0] / 3, 'the error falls with the square of the spacing'


def test_the_filter_is_a_symmetric_matrix_so_its_gradient_is_itself():
    colours = textured((3, 4))[0].permute(2, 0, 1).double()
    grid = BilateralGrid(colours, 2.0, 120.0, 0.6)
    matrix = matrix_of(grid, (3, 4))
    torch.testing.assert_close(matrix, matrix.t(), rtol=0, atol=1e-12)
    values = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(grid.filter, values, fast_mode=True)
    assert torch.autograd.gradgradcheck(grid.filter, values, fast_mode=True)


def test_mean_field_gives_the_labels_of_the_exact_one():
    image, logits = textured()
    exact, found = dense_crf(image, logits), dense_crf(image, logits, method='bilateral')
    assert ((exact > 0.5) == found.gt(0.5)).float().mean() > 0.995
    assert (exact - found).abs().mean() < 0.005
    assert ((exact > 0.5) == (logits > 0)).float().mean() < 0.97, 'the field must have something to do'


@pytest.mark.parametrize('size', [(1, 1), (1, 17), (31, 2), (23, 38)])
def test_any_size_and_a_constant_image(size):
    image, logits = textured(size)
    for given in (image, torch.full_like(image, 77)):
        exact, found = dense_crf(given, logits), dense_crf(given, logits, method='bilateral')
        assert found.shape == size
        assert (found - exact).abs().mean() < 0.01
        decided = (exact - 0.5).abs() > 0.1
        assert torch.equal(found[decided] > 0.5, exact[decided] > 0.5)


def test_saturated_colours_and_noise_work():
    image = 255 * torch.randint(0, 2, (20, 30, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    logits = textured((20, 30))[1]
    torch.testing.assert_close(
        dense_crf(image, logits, method='bilateral'), dense_crf(image, logits), rtol=0, atol=0.03
    )


def test_the_same_bits_in_every_call_whatever_ran_before_and_however_many_threads():
    image, logits = textured((20, 26))
    field = MeanField(image, method='bilateral')
    first = field(logits)
    field(-logits)
    assert torch.equal(field(logits), first)
    single, threads = field(logits, 1), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert torch.equal(field(logits, 1), single)
    finally:
        torch.set_num_threads(threads)


def test_single_and_double_precision_agree():
    image, logits = textured()
    single, double = (dense_crf(image, given, method='bilateral') for given in (logits, logits.double()))
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-4)


def test_half_precision_and_autocast_are_left():
    image, logits = textured((12, 15))
    plain = dense_crf(image, logits.bfloat16(), method='bilateral')
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(dense_crf(image, logits.bfloat16(), method='bilateral'), plain)


@pytest.mark.parametrize('method', ['exact', 'bilateral'])
def test_kernels_made_once_serve_any_map(method):
    image, logits, _ = scene()
    field = MeanField(image, method=method)
    for given in (logits, -logits):
        assert torch.equal(field(given), dense_crf(image, given, method=method))


def test_gradients_reach_the_map_and_are_those_of_the_exact_form():
    image, logits = textured((10, 12))
    found = []
    for method in ('exact', 'bilateral'):
        given = logits.double().requires_grad_()
        dense_crf(image, given, CRFSettings(appearance=2.0), method=method).square().sum().backward()
        found.append(given.grad)
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=0.02 * found[0].abs().max().item())


def test_what_it_cannot_do_is_refused_with_the_way_out():
    image, logits = textured((10, 12))
    with pytest.raises(ValueError, match="choose 'exact'"):
        dense_crf(image.float().requires_grad_(), logits, method='bilateral')
    with pytest.raises(ValueError, match='choose larger widths'):
        dense_crf(image, logits, CRFSettings(theta_alpha=0.1, theta_beta=0.5), method='bilateral')
    with pytest.raises(ValueError, match="'exact' or 'bilateral'"):
        dense_crf(image, logits, method='grid')


def test_long_sides_are_smoothed_in_blocks_as_by_the_whole_kernel():
    # Sides above twice a block with its surroundings; one is no multiple of the block.
    for length in (257, 320):
        image, logits = torch.zeros(3, length, 3), torch.randn(3, length, generator=torch.Generator().manual_seed(1))
        settings = CRFSettings(appearance=0.0, smoothness=3.0)
        places = torch.arange(length, dtype=torch.float64)
        kernels = []
        for place in (places, places[:3]):
            kernels.append(normalised(torch.exp(-0.5 * ((place[:, None] - place) / 3).square())))
        sign = 2 * torch.sigmoid(logits.double()) - 1
        wanted = torch.sigmoid(logits.double() + 3 * (kernels[1] @ sign @ kernels[0]))
        for given, tolerance in ((logits, 1e-6), (logits.double(), 1e-12)):
            found = dense_crf(image, given, settings, 1, method='bilateral')
            torch.testing.assert_close(found.double(), wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_kernels_hold_nothing_whose_products_are_denormal(dtype):
    """Some processors take ten times as long with such numbers; sums of pixels do not show them."""
    colours = torch.linspace(0, 255, 3 * 40 * 60, dtype=dtype).view(3, 40, 60)
    grid = BilateralGrid(colours, near=4.0, alike=6.0)
    eps = torch.finfo(dtype).eps
    for kernel in grid._kernels:
        assert ((kernel == 0) | (kernel >= eps**2)).all()
        assert (kernel.diagonal() == 1).all()
    assert any((kernel == 0).any() for kernel in grid._kernels)
