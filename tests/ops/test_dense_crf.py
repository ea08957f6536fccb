import pytest
import torch

from salseg.ops.dense_crf import CRFSettings, dense_crf


def scene(size=(24, 30)):
    """A red square on blue and a noisy guess of it."""
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(*size, 3, dtype=torch.uint8)
    image[..., 2] = 200
    inside = torch.zeros(size, dtype=torch.bool)
    inside[6:18, 8:22] = True
    image[inside] = torch.tensor([200, 20, 20], dtype=torch.uint8)
    guess = (0.4 + 0.2 * inside + 0.3 * (torch.rand(size, generator=generator) - 0.5)).clamp(0.05, 0.95)
    return image, torch.logit(guess), inside


def brute_force(image, logits, settings, iterations):
    """Mean field with written-out kernels over two labels."""
    height, width = logits.shape
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (height, width)), indexing='ij')
    places = torch.stack([rows, columns], -1).view(-1, 2)
    colours = image.double().view(-1, 3)
    distance = torch.cdist(places, places).square()
    alike = torch.cdist(colours, colours).square() / (2 * settings.theta_beta**2)
    kernels = [
        (settings.appearance, torch.exp(-distance / (2 * settings.theta_alpha**2) - alike)),
        (settings.smoothness, torch.exp(-distance / (2 * settings.theta_gamma**2))),
    ]
    total = sum(w * k / (k.sum(1)[:, None] * k.sum(1)).sqrt() for w, k in kernels)
    unary = torch.stack([torch.zeros(height * width), logits.flatten()], 1).double()
    q = unary.softmax(1)
    for _ in range(iterations):
        q = (unary + total @ q).softmax(1)
    return q[:, 1].view(height, width)


def test_equals_mean_field_with_written_out_kernels():
    image, logits, _ = scene((9, 11))
    settings = CRFSettings(appearance=2.0, theta_alpha=5.0, theta_beta=40.0, smoothness=1.0, theta_gamma=1.5)
    found = dense_crf(image, logits.double(), settings, 3)
    torch.testing.assert_close(found, brute_force(image, logits, settings, 3), rtol=0, atol=1e-9)


def test_a_noisy_guess_becomes_the_object():
    image, logits, inside = scene()
    assert ((logits > 0) == inside).float().mean() < 0.95
    assert ((dense_crf(image, logits) > 0.5) == inside).float().mean() > 0.99


def test_blocks_and_a_kept_kernel_agree():
    image, logits, _ = scene()
    torch.testing.assert_close(dense_crf(image, logits, max_bytes=5000), dense_crf(image, logits), rtol=0, atol=1e-5)


def test_a_reduced_grid_gives_nearly_the_same_labels():
    image, logits, _ = scene((48, 60))
    full, reduced = dense_crf(image, logits) > 0.5, dense_crf(image, logits, reduce=2) > 0.5
    assert reduced.shape == full.shape
    assert (full == reduced).float().mean() > 0.97


def test_without_steps_it_is_the_sigmoid():
    image, logits, _ = scene()
    torch.testing.assert_close(dense_crf(image, logits, iterations=0), torch.sigmoid(logits))


def test_shapes_that_do_not_fit_are_named():
    image, logits, _ = scene()
    with pytest.raises(ValueError, match='expected'):
        dense_crf(image, logits[1:])
