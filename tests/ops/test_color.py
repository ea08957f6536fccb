import cv2
import numpy as np
import torch

from salseg.ops import rgb_to_lab


def test_white_black_and_red_have_their_known_coordinates():
    images = torch.tensor([[255, 255, 255], [0, 0, 0], [255, 0, 0]], dtype=torch.uint8).view(3, 3, 1, 1)
    expected = torch.tensor([[100.0, 0.0, 0.0], [0.0, 0.0, 0.0], [53.24, 80.09, 67.20]])
    torch.testing.assert_close(rgb_to_lab(images)[:, :, 0, 0], expected, atol=0.02, rtol=0)


def test_agrees_with_opencv_on_random_colours():
    image = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    expected = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab).transpose(2, 0, 1)
    found = rgb_to_lab(torch.from_numpy(image).permute(2, 0, 1)[None])[0]
    # OpenCV interpolates gamma and cube root from tables.
    torch.testing.assert_close(found, torch.from_numpy(expected), atol=0.3, rtol=0)


def test_gradient_is_finite_at_black():
    images = torch.zeros(1, 3, 2, 2, requires_grad=True)
    rgb_to_lab(images).sum().backward()
    assert images.grad.isfinite().all()
