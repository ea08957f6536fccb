"""NPMCA-net against an independent computation of the thesis' equations."""

from tests.needs import needs_project

needs_project('npmca_net')


import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from projects.npmca_net import NPMCANet
from projects.npmca_net.modules import ChannelAttention, padded_size, scaled_size
from salseg.models.matchers import NonLocalPixelMatching
from salseg.ops import aggregate, channel_matching, channel_weights, iou_distance, matching_weights, pixel_matching
from tests.parity import kit


def network(**options):
    return NPMCANet(backbone=dict(type='ResNet', depth=50, out_indices=(1, 2, 3)), **options).eval()


def tensors_of(meta, values):
    return {name: torch.from_numpy(value) for name, value in kit.inputs(meta, values).items()}


@pytest.mark.parametrize('path', kit.files('npmca_net', 'channel_attention'))
def test_channel_attention(path):
    meta, values = kit.load(path)
    given = tensors_of(meta, values)
    module = ChannelAttention()
    module.gamma.data = given['gamma']
    energy, weights = channel_weights(given['f_in'])
    found = dict(
        energy=energy, weights=weights, strengthened=channel_matching(given['f_in']), out=module(given['f_in'])
    )
    kit.check(meta, values, found)


@pytest.mark.parametrize('path', kit.files('npmca_net', 'nlpmm'))
def test_pixel_matching(path):
    meta, values = kit.load(path)
    given = tensors_of(meta, values)
    channels, in_channels = given['w_ref'].shape[:2]
    module = NonLocalPixelMatching(in_channels, channels)
    for side, layer in (('ref', module.reduce_reference), ('tar', module.reduce_target)):
        layer.weight.data, layer.bias.data = given[f'w_{side}'], given[f'b_{side}']
    reference, target = module.reduce_reference(given['f_ref']), module.reduce_target(given['f_tar'])
    similarity, weights = matching_weights(reference, target)
    matched = module(given['f_ref'], given['f_tar'])
    torch.testing.assert_close(matched, pixel_matching(reference, target))
    found = dict(reduced_ref=reference, reduced_tar=target, similarity=similarity, weights=weights, matched=matched)
    kit.check(meta, values, found)


@pytest.mark.parametrize('path', kit.files('npmca_net', 'soft_aggregation'))
def test_soft_aggregation(path):
    meta, values = kit.load(path)
    given = tensors_of(meta, values)
    union = aggregate(given['p'], 1 - given['p_union'][None])
    kit.check(meta, values, dict(out_union=union, out_product=aggregate(given['p'])))


@pytest.mark.parametrize('path', kit.files('npmca_net', 'iou_loss'))
def test_iou_loss(path):
    meta, values = kit.load(path)
    given, found = tensors_of(meta, values), {}
    for name, (form, target, *rest) in meta['settings']['outputs'].items():
        known = ~given['ignore'] if 'ignore' in rest else None
        losses = iou_distance(given['pred'], given[target], known, form, meta['settings']['eps'])[:, 0]
        found[name] = losses.mean()[None] if 'mean over samples' in rest else losses
    kit.check(meta, values, found)


def batch_norm_cost(x, *args, out_shape=None, **kwargs):
    # The counter's unit is half a multiply-add.
    return 2 * 2 * math.prod(x)


def bilinear_cost(x, *args, out_shape=None, **kwargs):
    return 2 * 4 * math.prod(out_shape)


COSTS = {
    torch.ops.aten.native_batch_norm: batch_norm_cost,
    torch.ops.aten._native_batch_norm_legit_no_training: batch_norm_cost,
    torch.ops.aten.cudnn_batch_norm: batch_norm_cost,
    torch.ops.aten.upsample_bilinear2d: bilinear_cost,
}


def macs(model, size):
    """Multiply-adds of one object, everything computed but the matching.

    The convention of the reference: batch norm costs two a value, bilinear resizing four.
    """
    model = model.to('meta')
    frames, masks = torch.zeros(1, 3, *size, device='meta'), torch.zeros(1, *size, device='meta')
    with FlopCounterMode(display=False, custom_mapping=COSTS) as counter, torch.no_grad():
        matched = [model.attention(model.encode(frames, masks, model.matcher)) for _ in range(2)]
        skip4, skip8, target = model.target_encoder(torch.cat([frames, masks.unsqueeze(1)], 1))
        model.matcher.reduce_target(target)
        model.decoder(torch.cat(matched, 1), skip8, skip4)
    return counter.get_total_flops() / 2


def size_of(text):
    return tuple(int(side) for side in text.split('x'))


@pytest.mark.parametrize('path', kit.files('npmca_net', 'expected'))
def test_parameters_costs_and_sizes(path):
    meta, values = kit.load(path)
    model = network()
    parts = dict(
        target_encoder=model.target_encoder, reference_encoder=model.reference_encoder,
        reduce_target=model.matcher.reduce_target, reduce_reference=model.matcher.reduce_reference,
        gamma=model.attention, fusion=model.decoder.fuse, residual_block=model.decoder.block,
        refine_r3=model.decoder.refine8, refine_r2=model.decoder.refine4, prediction=model.decoder.predict, total=model,
    )  # fmt: skip
    found = {f'params.{name}': sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    found['params.frozen_bn_affine'] = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    for text in values['padded_rgmp']:
        found[f'padded_rgmp.{text}'] = padded_size(size_of(text), 'rgmp')
    for text in values['padded_16']:
        found[f'padded_16.{text}'] = padded_size(size_of(text), 'needed')
    for name, sizes in values.items():
        if name.startswith('rgmp_scaled_from_'):
            whole = size_of(name.rpartition('_')[2])
            found |= {f'{name}.{scale}': scaled_size(whole, float(scale), 'rgmp') for scale in sizes}
    found |= {f'macs_g.{text}': macs(model, size_of(text)) / 1e9 for text in values['macs_g']}
    kit.check(meta, values, found)


def test_variants_have_the_parameters_that_the_design_gives_them():
    count = {
        name: sum(p.numel() for p in network(**options).parameters())
        for name, options in dict(
            full={}, one_encoder=dict(shared_encoder=True), two_matchers=dict(share_matching=False),
            without_attention=dict(channel_attention=False), without_mask=dict(previous_mask=False),
        ).items()
    }  # fmt: skip
    full = count.pop('full')
    assert {name: value - full for name, value in count.items()} == dict(
        one_encoder=-8_543_296, two_matchers=4_719_104, without_attention=-1, without_mask=-3_200
    )
