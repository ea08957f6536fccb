"""The contrastive network against an independent computation of the paper's equations."""

from tests.needs import needs_project

needs_project('contrastive_vsod')


import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from projects.contrastive_vsod import ContrastiveAttention, GradualUpsamplingHead
from projects.contrastive_vsod.modules import CoAttention, Gate, SelfAttention
from salseg.models import SaliencySegmentor
from salseg.models.backbones import Encoder, ResNet
from salseg.models.losses import ContrastiveLoss
from salseg.models.necks import ASPP
from salseg.ops import dynamic_depthwise, linear_non_local, region_errors, region_vectors
from salseg.structures import FrameInputs, FrameTargets
from tests.parity import kit


def network(**attention):
    backbone = ResNet(101, out_indices=(0, 1, 4), output_stride=8)
    matcher = ContrastiveAttention(**attention)
    head = GradualUpsamplingHead((64, 256, matcher.out_channels))
    return SaliencySegmentor(Encoder(backbone, ASPP(2048)), head, matcher=matcher)


def filled(module, **values):
    with torch.no_grad():
        for name, value in values.items():
            module.get_parameter(name.replace('__', '.')).copy_(torch.as_tensor(value))
    return module


@pytest.mark.parametrize('path', kit.files('contrastive_vsod', 'attention'))
def test_attention(path):
    meta, values = kit.load(path)
    given = {name: torch.as_tensor(value) for name, value in kit.inputs(meta, values).items()}
    x, low = given['x'], given['v']
    channels, low_channels = x.shape[1], low.shape[1]
    assert meta['settings']['fused'] == ['x', 'gate_self * z_self', 'gate_co * z_co']
    own = filled(SelfAttention(channels), generate__weight=given['w_gen'], generate__bias=given['b_gen'])
    reduce = dict(reduce__weight=given['w_low'], reduce__bias=given['b_low'])
    co = filled(CoAttention(low_channels, channels), bilinear=given['W'], **reduce)
    gates = {
        name: filled(Gate(channels), score__weight=given[f'w_gate_{name}'], score__bias=given[f'b_gate_{name}'])
        for name in ('self', 'co')
    }
    whole = ContrastiveAttention(channels, low_channels, low_level=0)
    parts = dict(self_attention=own, co_attention=co, self_gate=gates['self'], co_gate=gates['co'])
    for name, part in parts.items():
        whole.get_submodule(name).load_state_dict(part.state_dict())
    with torch.no_grad():
        rows = x.flatten(2).transpose(1, 2)
        gathered = linear_non_local(rows, rows, rows).transpose(1, 2).reshape(x.shape)
        tensors = dict(nonlocal_y=gathered, kernels=own.kernels(x))
        tensors['dynamic_out'] = dynamic_depthwise(tensors['nonlocal_y'], tensors['kernels'])
        tensors |= dict(z_self=own(x), z_co=co(low, x), v_resized=co.reduce(low))
        # The network never makes these two; the equation does.
        tensors['affinity'] = tensors['v_resized'].flatten(2).transpose(1, 2) @ given['W'] @ x.flatten(2)
        tensors['attention'] = tensors['affinity'].softmax(-1)
        (_, fused), extra = whole([low.unsqueeze(1), x.unsqueeze(1)])
    tensors |= {name: extra[name].squeeze(1) for name in ('gate_self', 'gate_co')}
    tensors['fused'] = fused.squeeze(1)
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('contrastive_vsod', 'contrastive'))
def test_contrastive_loss(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    features, truth, prediction = (torch.as_tensor(given[name]).unsqueeze(0) for name in ('features', 'gt', 'pred'))
    assert settings['positives_exclude_anchor']
    assert settings['negatives_include_own_frame']
    options = dict(temperature=settings['tau'], normalize=settings['normalise'])
    loss = ContrastiveLoss(settings['positives'], settings['negatives'], **options)
    targets = FrameTargets(saliency=truth)
    regions = targets.soft_mask(tuple(features.shape[-2:])).squeeze(2) >= settings['mask_threshold']
    (fore, has_fore), (back, has_back) = region_vectors(features, regions), region_vectors(features, ~regions)
    whole = truth >= 0.5
    near, far = loss.candidates(prediction, whole, has_fore, has_back)
    errors = region_errors(prediction, whole)
    outputs = dict(embedding=features, logits=torch.logit(prediction.double()).unsqueeze(2))
    tensors = dict(
        fg_mask=regions[0],
        u_fg=fore[0],
        u_bg=back[0],
        mae_fg=errors[0][0],
        mae_bg=errors[1][0],
        pos_index=near[0][0],
        neg_index=far[0][0],
        loss_per_anchor=loss.anchor_losses(features, regions, prediction, whole)[0][0],
        loss=loss(outputs, targets).reshape(1),
        loss_all_pairs=ContrastiveLoss(None, None, **options)(outputs, targets).reshape(1),
    )
    kit.check(meta, values, tensors)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def cost(model, height, width):
    """Multiply-adds of the layers, as counters that hook layers find them, and of the products between positions.

    Batch norms count two a value: normalisation, then scale and shift.
    """
    layers = []

    def count(module, given, output):
        layers.append(output.numel() * (2 if isinstance(module, nn.BatchNorm2d) else module.weight[0].numel()))

    kinds = (nn.Conv2d, nn.BatchNorm2d)
    hooks = [module.register_forward_hook(count) for module in model.modules() if isinstance(module, kinds)]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.run(FrameInputs(torch.empty(1, 1, 3, height, width, device='meta')))
    for hook in hooks:
        hook.remove()
    products = counter.get_flop_counts()['Global']
    # W is a linear layer in all but form.
    bilinear, attention = products[torch.ops.aten.mm] / 2, products[torch.ops.aten.bmm] / 2
    return sum(layers) + bilinear, attention


@pytest.mark.parametrize('path', kit.files('contrastive_vsod', 'expected'))
def test_parameters_and_cost(path):
    meta, values = kit.load(path)
    with torch.device('meta'):
        model = network().eval()
    backbone, matcher, head = model.backbone.backbone, model.matcher, model.head
    named = dict(
        stem=parameters(backbone.conv1) + parameters(backbone.bn1),
        **{f'layer{i}': parameters(backbone.get_submodule(f'layer{i}')) for i in range(1, 5)},
        aspp=parameters(model.backbone.neck),
        filter_generator=parameters(matcher.self_attention),
        low_level_conv=parameters(matcher.co_attention.reduce),
        bilinear_W=matcher.co_attention.bilinear.numel(),
        gate_self=parameters(matcher.self_gate),
        gate_co=parameters(matcher.co_gate),
        output=parameters(head.predict),
        skip_layer1=parameters(head.correct[1]),
        skip_stem=parameters(head.correct[0]),
        total=parameters(model),
    )
    counted = {f'params.{name}': value for name, value in named.items()}
    sizes = {size for group in ('macs_g_without_matrix_products', 'macs_g_all_reassociated') for size in values[group]}
    for size in sizes:
        height, width = map(int, size.split('x'))
        layers, attention = cost(model, height, width)
        counted[f'macs_g_without_matrix_products.{size}'] = layers / 1e9
        counted[f'macs_g_all_reassociated.{size}'] = (layers + attention) / 1e9
    counted['paper.params_m'] = named['total'] / 1e6
    counted['paper.gflops'] = 2 * counted['macs_g_without_matrix_products.473x473']
    kit.check(meta, values, counted, lambda name, tensors: np.asarray(tensors[name]))
