"""DCFM against its published code."""

from tests.needs import needs_project

needs_project('dcfm')


import fnmatch
import json
from functools import cache

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from projects.dcfm.weights import official_to_salseg, salseg_to_official
from projects.dcfm.transforms import resized, rotated, scale_cropped
from salseg.evaluation.metrics.saliency_metric import to_grey
from salseg.models import SaliencySegmentor
from salseg.models.postprocessors import TruncateToGrey
from salseg.ops import cosine_affinity, mask_iou, self_contrastive
from salseg.registry import LOSSES
from salseg.structures import FrameGeometry, FrameInputs, FrameTargets, SalDataSample
from tests.parity import kit
from tests.parity.dcfm_parts import (
    OUTPUTS,
    decoder_values,
    enhancement_values,
    key_list,
    level_table,
    losses,
    network,
    prototype_values,
)


def one(value):
    return value.reshape(1)


@pytest.mark.parametrize('path', kit.files('dcfm', 'eval'))
def test_network(path):
    meta, values = kit.load(path)
    kit.check(meta, values, whole_run(json.dumps([meta['system'], meta['weights'], meta['inputs'], meta['settings']])))


@cache
def whole_run(description):
    """One run may stand in several files, each of which holds a part of its values."""
    meta = dict(zip(('system', 'weights', 'inputs', 'settings'), json.loads(description)))
    values = {}
    model = network(meta, meta['settings']['mode'])
    image = kit.inputs(meta, values)['image']
    with torch.no_grad():
        levels = model.extract(FrameInputs(image.unsqueeze(0)))
        tensors = {f'x{level}': x[0] for level, x in enumerate(levels, start=1)}
        tensors |= prototype_values(model.matcher, tensors['x5'], 'dpg')
        tensors |= enhancement_values(model.neck, tensors['dpg/fused'])
        features = [x[0] for x in levels[:-1]] + [tensors['dfe/out']]
        tensors |= decoder_values(model.head, features, image.shape[-2:])
        outputs = model(FrameInputs(image.unsqueeze(0)))
    return tensors | {name: outputs[output][0] for name, output in OUTPUTS.items()}


@pytest.mark.parametrize('path', kit.files('dcfm', 'modules'))
def test_modules(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    tensors = {}
    for name, call in settings['calls'].items():
        model = network(meta, call['mode'])
        if call['module'] == 'fusion':
            tensors |= prototype_values(model.matcher, given[call['input']], name)
        else:
            tensors |= enhancement_values(model.neck, given[call['input']], name)
    kit.check(meta, values, tensors | loss_values(given, settings['losses']))


def loss_values(given, settings):
    epsilon, truth = settings['eps'], given['gt']
    maps = [torch.sigmoid(given[f'logit{i}'].clone().requires_grad_()) for i in range(4)]

    def table(truth):
        pairs = [(mask_iou(p, truth, epsilon), mask_iou(1 - p, 1 - truth, epsilon)) for p in maps]
        return torch.stack([torch.stack([1 - term.mean() for term in pair]) for pair in pairs])

    levels, emptied = table(truth), truth.clone()
    emptied[0] = 0
    first = given['logit0'].clone().requires_grad_()
    loss = LOSSES.build(dict(type='MaskIoULoss', background=True, epsilon=epsilon))
    targets = FrameTargets(saliency=truth[:, 0].unsqueeze(0))
    gradient = torch.autograd.grad(sum(loss({'logits': first.unsqueeze(0)}, targets).values()), first)[0]
    whole, objects, rest = (given[n].flatten(1).clone().requires_grad_() for n in ('proto', 'proto_c', 'proto_b'))
    contrast = sum(self_contrastive(whole, objects, rest, epsilon))
    gradients = torch.autograd.grad(contrast.sum(), (whole, objects, rest))
    found = dict(
        levels=levels,
        iou=one(levels.sum()),
        iou_grad0=gradient,
        levels_empty0=table(emptied),
        sc=contrast,
        cos_c=cosine_affinity(whole, objects, epsilon),
        cos_b=cosine_affinity(whole, rest, epsilon),
        sc_same=sum(self_contrastive(whole, whole, whole, epsilon)),
        sc_zero=sum(self_contrastive(whole, whole, torch.zeros_like(whole), epsilon)),
        **{f'sc_grad_{n}': g[0] for n, g in zip(('proto', 'proto_c', 'proto_b'), gradients)},
    )
    return {f'loss/{name}': value for name, value in found.items()}


@pytest.mark.parametrize('path', kit.files('dcfm', 'train'))
def test_one_optimisation_step(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    masked = dict(masked=dict(type='MaskedMatcherPass'))
    model = network(meta, settings['mode'], losses=losses(settings['loss']), extra_passes=masked)
    inputs = FrameInputs(given['image'].unsqueeze(0))
    targets = FrameTargets(saliency=given['label'][:, 0].unsqueeze(0))
    calls = []
    hook = model.matcher.register_forward_hook(lambda m, args, result: calls.append((args[0][-1][0], result[1])))
    enhanced = {}
    model.neck.register_forward_hook(lambda m, args, result: enhanced.update(fused=args[0][-1], out=result[-1]))
    features, outputs = model.run(inputs)
    terms = model.loss_from(inputs, features, outputs, targets)
    hook.remove()
    calls = dict(zip(settings['passes'], calls, strict=True))
    iou = {name.removeprefix('loss_iou_'): term for name, term in terms.items() if name.startswith('loss_iou')}
    contrast = (terms['loss_scl_positive'] + terms['loss_scl_negative']) / settings['loss']['sc_weight']
    overlap, total = sum(iou.values()), sum(terms.values())
    tensors = {'gt_small': torch.nn.functional.interpolate(
        given['label'], size=features[-1].shape[-2:], mode='bilinear', align_corners=False
    )}  # fmt: skip
    tensors |= {name: outputs[output][0] for name, output in OUTPUTS.items()}
    tensors |= {f'loss/{n}': v for n, v in dict(
        levels=level_table(iou), iou=one(overlap), sc=one(contrast), total=one(total)).items()}  # fmt: skip
    prototypes = [result['prototype'] for _, result in calls.values()]
    for name, other in zip(('c', 'b'), prototypes[1:]):
        tensors[f'loss/cos_{name}'] = cosine_affinity(prototypes[0], other, settings['loss']['eps'])
    for name, (maps, result) in calls.items():
        tensors |= prototype_values(model.matcher, maps.detach(), name)
        tensors |= {f'{name}/proto': result['prototype'][0], f'{name}/response': result['response'][0]}
    tensors |= enhancement_values(model.neck, enhanced['fused'].detach()) | {'dfe/out': enhanced['out']}
    tensors |= gradients(model, meta, dict(iou=overlap, sc=contrast, total=total))
    tensors |= stepped(model, settings['optimiser'], total)
    kit.check(meta, values, tensors)


def gradients(model, meta, sums):
    """Gradients and their norms by official name, and which entries have one."""
    own = dict(model.named_parameters())
    asked = {key: own[official_to_salseg(key)] for key in key_list(meta)['keys']
             if any(fnmatch.fnmatchcase(key, pattern) for pattern in meta['settings']['trained'])}  # fmt: skip
    learning = {key: p for key, p in asked.items() if p.requires_grad}
    found = {
        'trainable_keys': np.array(list(learning)),
        'no_grad_keys': np.array([key for key in asked if key not in learning]),
    }
    for name, of in meta['settings']['gradients'].items():
        grads = torch.autograd.grad(sums[of], list(learning.values()), retain_graph=True, allow_unused=True)
        if name.startswith('grad_norm'):
            found[name] = torch.stack([torch.zeros(()) if g is None else g.norm() for g in grads])
        else:
            found |= {f'{name}/{key}': g for key, g in zip(learning, grads) if g is not None}
    return found


def stepped(model, optimiser, total):
    """Parameters by official name after one step of the recipe's optimiser."""
    rate = optimiser['lr']
    wrapper = build_optim_wrapper(
        model,
        dict(
            type='OptimWrapper',
            constructor='salseg.GroupedOptimWrapperConstructor',
            optimizer=dict(
                type='Adam', lr=rate['rest'], betas=tuple(optimiser['betas']), weight_decay=optimiser['weight_decay']
            ),
            paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=rate['backbone'] / rate['rest']))),
        ),
    )
    wrapper.zero_grad()
    total.backward()
    wrapper.step()
    return {f'step/{salseg_to_official(name)}': p for name, p in model.named_parameters()}


@pytest.mark.parametrize('path', kit.files('dcfm', 'data'))
def test_transforms_and_written_map(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    size, base, tensors = settings['img_size'], settings['base'], {}
    assert settings['draws'] == ['short side', 'x1', 'y1', 'flip number', 'angle']
    mean, std = (torch.tensor(settings[name]).view(3, 1, 1) for name in ('mean', 'std'))

    def normalised(image):
        return (torch.from_numpy(image.copy()).permute(2, 0, 1) / 255 - mean) / std

    for case in settings['cases']:
        image = given[f'{case}/picture'][0].permute(1, 2, 0).contiguous().numpy()
        mask = given[f'{case}/mask'][0, 0].numpy() // 255
        tensors[f'{case}/test_image'] = normalised(resized(image, size, size))
        tensors[f'{case}/test_gt'] = resized(mask, size, size, nearest=True)[None]
        short, left, top, flip, angle = given['draws'][f'{case}/draws']
        for name, value, nearest in (('image', image, False), ('gt', mask, True)):
            value = scale_cropped(value, int(short), int(left), int(top), base, size, nearest)
            value = np.ascontiguousarray(value[:, ::-1]) if flip < 0.5 else value
            value = rotated(value, float(angle), nearest)
            tensors[f'{case}/train_{name}'] = value[None] if nearest else normalised(value)
    tensors['save/uint8'] = written(given['save/logit'], tuple(settings['save_size']))
    kit.check(meta, values, tensors)


class Images(nn.Module):
    """A backbone that hands on what it is given."""

    def forward(self, images):
        return [images]


class Given(nn.Module):
    """A head that gives logits known beforehand."""

    provides = ('logits',)

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, features, size):
        return {'logits': self.logits}


def written(logits, size):
    """What a prediction of such logits writes for an image of that size, by the model's own restoring."""
    model = SaliencySegmentor(Images(), Given(logits), restore_from='probability', restore_align_corners=True)
    geometry = FrameGeometry.whole(*size).scaled(*logits.shape[-2:])
    sample = SalDataSample(metainfo=dict(frame_ids=['0'], geometry=[geometry]))
    (sample,) = model.predict(FrameInputs(torch.zeros(1, 1, 3, *logits.shape[-2:])), [sample])
    return to_grey(TruncateToGrey()(sample).pred_maps[0])


def test_parameter_counts_with_and_without_the_unused_classifier():
    meta, _ = kit.load(next(kit.discover('dcfm', 'eval')))
    listed = key_list(meta)
    model = network(meta, 'eval')
    count = sum(p.numel() for p in model.parameters())
    classifier = sum(int(np.prod(s)) for key, s in listed['keys'].items() if key.startswith('backbone.classifier'))
    assert count == listed['parameters_without_classifier']
    assert count + classifier == listed['total_parameters']


def test_in_parts_and_in_one_piece_give_the_same_logits():
    meta, values = kit.load(next(kit.discover('dcfm', 'eval')))
    model, image = network(meta, 'eval'), kit.inputs(meta, values)['image'].unsqueeze(0)
    with torch.no_grad():
        whole = model(FrameInputs(image))['logits'][0]
        for model.keep, model.frames_at_once in (('matched', 1), ('all', 2)):
            parts = model.run_in_parts(FrameInputs(image))['logits']
            torch.testing.assert_close(parts, whole, rtol=0, atol=1e-4 * whole.abs().max().item())
