import torch
import torch.nn.functional as F

from salseg.ops import dynamic_depthwise


def test_each_image_and_channel_has_its_own_filter():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 5, generator=generator)
    kernels = torch.randn(2, 3, 3, 3, generator=generator)
    result = dynamic_depthwise(x, kernels)
    for image in range(2):
        for channel in range(3):
            single = F.conv2d(x[image, channel][None, None], kernels[image, channel][None, None], padding=1)
            torch.testing.assert_close(result[image, channel], single[0, 0])


def test_a_centre_of_one_changes_nothing():
    x = torch.rand(1, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    kernels = torch.zeros(1, 2, 3, 3)
    kernels[..., 1, 1] = 1
    torch.testing.assert_close(dynamic_depthwise(x, kernels), x)
