import pytest
import torch

from salseg.models.backbones import Encoder, ResNet
from salseg.models.necks import ASPP


def test_only_the_coarsest_level_changes_and_keeps_its_size():
    fine, coarse = torch.rand(2, 3, 8, 8), torch.rand(2, 5, 4, 6)
    same, context = ASPP(5, 7).eval()([fine, coarse])
    assert same is fine
    assert context.shape == (2, 7, 4, 6)


def test_the_pooled_branch_is_the_same_everywhere():
    neck = ASPP(5, 7, pool_first=True).eval()
    seen = []
    neck.project.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    with torch.no_grad():
        neck([torch.rand(1, 5, 4, 6)])
    pooled, others = seen[0].split([7, 28], dim=1)
    torch.testing.assert_close(pooled, pooled[..., :1, :1].expand_as(pooled))
    assert others.std((-2, -1)).max() > 0


@pytest.mark.parametrize(
    ('options', 'wanted'), [(dict(), 15_535_104), (dict(project_kernel=3), 15_535_104 + 8 * 1280 * 256)]
)
def test_parameters_are_those_of_the_published_networks(options, wanted):
    with torch.device('meta'):
        neck = ASPP(2048, **options)
    assert sum(parameter.numel() for parameter in neck.parameters()) == wanted


def test_an_encoder_is_a_backbone_with_context():
    encoder = Encoder(ResNet(18, out_indices=(1, 4), output_stride=16), ASPP(512, 16)).eval()
    fine, context = encoder(torch.rand(1, 3, 64, 48))
    assert fine.shape == (1, 64, 16, 12)
    assert context.shape == (1, 16, 4, 3)
    assert encoder.strides == (4, 16)
