import pytest
import torch

from salseg.errors import ConfigError
from salseg.models.backbones import EfficientNetLite0, ResNet
from salseg.models.necks import (
    AGGM,
    BorderContrastNeck,
    ChannelAttention,
    ProgressiveAggregationNeck,
    SelfRefinement,
    SpatialAttention,
)


def count(module):
    return sum(p.numel() for p in module.parameters())


def features(channels, sizes, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(batch, c, *size, generator=generator) for c, size in zip(channels, sizes)]


def test_the_published_decoder_has_the_published_number_of_parameters():
    channels = (256, 512, 1024, 2048)
    with torch.device('meta'):
        heads = 4 * (256 * 9 + 1)
        assert count(ProgressiveAggregationNeck(channels)) + heads == 40_029_965
        assert count(ProgressiveAggregationNeck(channels, attention=False)) + heads == 67_056_196 - 23_508_032


def test_names_of_the_parts_are_those_of_trained_checkpoints():
    neck = ProgressiveAggregationNeck((4, 8), width=8)
    names = {name.rpartition('.')[0] for name, _ in neck.named_parameters()}
    blend = ('conv', 'bn')
    aggregate = [f'aggregate.0.{part}.{layer}' for part in ('low', 'high', 'context', 'fuse') for layer in blend]
    gates = [f'aggregate.0.{part}_gate' for part in ('low', 'high', 'context')]
    scores = [f'aggregate.0.scores.{i}' for i in range(3)]
    attention = [
        f'{part}.{layer}'
        for part in ('top_channel', 'context.0')
        for layer in ('project.conv', 'project.bn', 'squeeze', 'excite')
    ]
    spatial = [f'top_spatial.{layer}' for layer in ('project.conv', 'project.bn', 'affine')]
    refine = [f'refine.{i}.{layer}' for i in range(2) for layer in ('smooth.conv', 'smooth.bn', 'affine')]
    assert names == {*aggregate, *gates, *scores, *attention, *spatial, *refine}


@pytest.mark.parametrize('attention', [True, False])
def test_maps_keep_their_sizes_with_the_channels_of_a_resnet_and_of_lite0(attention):
    for backbone in (ResNet(18), EfficientNetLite0()):
        neck = ProgressiveAggregationNeck(backbone.channels, width=16, attention=attention)
        maps = backbone(torch.rand(2, 3, 65, 97))
        results = neck(maps)
        assert [r.shape for r in results] == [(2, 16, *m.shape[2:]) for m in maps]
        assert neck.out_channels == (16,) * 4


def test_two_levels_are_enough_and_one_is_refused():
    low, top = features((4, 8), ((6, 8), (3, 4)))
    assert len(ProgressiveAggregationNeck((4, 8), width=8)([low, top])) == 2
    with pytest.raises(ConfigError, match='two levels'):
        ProgressiveAggregationNeck((8,))


def test_every_parameter_of_the_decoder_learns():
    torch.manual_seed(0)
    neck = ProgressiveAggregationNeck((4, 6, 8), width=16)
    results = neck(features((4, 6, 8), ((12, 12), (6, 6), (3, 3)), batch=4))
    sum(r.square().mean() for r in results).backward()
    # A bias that batch norm follows has no effect; its gradient is rounding.
    assert all(p.grad is not None for p in neck.parameters())
    still = {name for name, p in neck.named_parameters() if p.grad.abs().max() == 0}
    assert all(name.endswith('conv.bias') for name in still)


def test_a_coarse_change_reaches_the_finest_map_and_a_fine_one_not_the_coarsest():
    neck = ProgressiveAggregationNeck((4, 8), width=8).eval()
    low, top = features((4, 8), ((6, 8), (3, 4)), batch=1)
    plain = neck([low, top])
    assert not torch.allclose(neck([low, top + 1])[0], plain[0])
    torch.testing.assert_close(neck([low + 1, top])[1], plain[1])
    assert not torch.allclose(neck([low + 1, top])[0], plain[0])


def test_aggregation_is_the_mean_of_the_paths_by_their_scores():
    module = AGGM(4, width=8)
    for score, value in zip(module.scores, (1.0, 2.0, 5.0)):
        torch.nn.init.zeros_(score.weight)
        torch.nn.init.constant_(score.bias, value)
    paths = tuple(features((8, 8, 8), ((5, 6),) * 3))
    torch.testing.assert_close(module.aggregate(paths), (paths[0] + 2 * paths[1] + 5 * paths[2]) / 8)


def test_aggregation_without_attention_concatenates():
    module = AGGM(4, width=8, attention=False)
    assert len(module.scores) == 0
    assert module.fuse.conv.in_channels == 24


def test_all_paths_vanish_where_the_low_level_map_does():
    module = AGGM(4, width=8).eval()
    torch.nn.init.constant_(module.low.bn.weight, 0)
    seen = []
    module.fuse.register_forward_pre_hook(lambda m, given: seen.append(given[0]))
    with torch.no_grad():
        module.low_gate.bias.zero_()
        module(*features((4, 8, 8), ((6, 6), (3, 3), (2, 2))))
    assert seen[0].abs().max() == 0


def test_channel_attention_weighs_whole_channels_by_the_mean_of_the_guide():
    module = ChannelAttention(8, 6, width=8).eval()
    module.project = torch.nn.Identity()
    x, guide = features((8, 6), ((5, 7), (3, 2)))
    shuffled = guide.flatten(2)[..., torch.tensor([5, 3, 0, 1, 4, 2])].view_as(guide)
    with torch.no_grad():
        torch.testing.assert_close(module(x, guide), module(x, shuffled))
        weights = (module(x, guide) / x).flatten(2)
    assert 0 < weights.min() < weights.max() < 1
    torch.testing.assert_close(weights.amin(2), weights.amax(2))


def test_modulations_are_affine_in_the_projected_map():
    spatial, refine = SpatialAttention(4, 6, width=8).eval(), SelfRefinement(8).eval()
    x, guide, y = features((4, 6, 8), ((6, 8), (3, 4), (6, 8)))
    with torch.no_grad():
        for module in (spatial, refine):
            torch.nn.init.zeros_(module.affine.weight)
            module.affine.bias.copy_(torch.cat([torch.full((8,), 2.0), torch.full((8,), -0.5)]))
        torch.testing.assert_close(spatial(x, guide), (2 * spatial.project(x) - 0.5).relu())
        torch.testing.assert_close(refine(y), (2 * refine.smooth(y) - 0.5).relu())


def test_the_start_is_kaiming_normal_over_the_inputs():
    torch.manual_seed(0)
    neck = ProgressiveAggregationNeck((64, 128), width=64)
    gate = neck.aggregate[0].low_gate
    assert gate.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    assert gate.bias.abs().max() == 0
    score = neck.aggregate[0].scores[0]
    assert score.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.15)


def test_the_contrast_with_the_border_sees_neither_strength_nor_common_part_of_features():
    torch.manual_seed(0)
    neck = BorderContrastNeck(levels=2, width=8).double()
    levels = [level.double() for level in features((6, 9), ((12, 14), (6, 7)))]
    (found,) = neck(levels)
    assert found.shape == (2, 8, 24, 28)
    torch.testing.assert_close(neck([2 * level + 1 for level in levels])[0], found)
    with pytest.raises(ConfigError, match='levels=2; the backbone gives 1'):
        neck(levels[:1])
    with pytest.raises(ConfigError, match='width=0'):
        BorderContrastNeck(width=0)
