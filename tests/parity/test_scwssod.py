"""SCWSSOD against its published code."""

from tests.needs import needs_project

needs_project('scwssod')


import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from projects.scwssod.weights import MODULES, official_to_salseg
from salseg.engine.optim import TriangleLR
from salseg.evaluation.metrics.saliency_metric import to_grey
from salseg.models import SalDataPreprocessor, SaliencySegmentor
from salseg.models.postprocessors import MinMaxNormalize
from salseg.ops import local_saliency_coherence, partial_cross_entropy, structural_similarity, structure_consistency
from salseg.registry import LOSSES
from salseg.structures import FrameGeometry, FrameInputs, SalDataSample
from tests.parity import kit
from tests.parity.scwssod_parts import (
    Bandwidths,
    Given,
    Pyramid,
    loaded,
    loss_configs,
    network,
    norms_and_heads,
    official_terms,
    output_name,
    record,
    reduced,
    sampled,
    targets_of,
    transformed,
)


@pytest.mark.parametrize('path', kit.files('scwssod', 'aggm'))
def test_aggm(path):
    meta, values = kit.load(path)
    given, model = kit.inputs(meta, values), network(meta)
    tensors = record(model, meta['settings']['modules'])
    with torch.no_grad():
        for name in meta['settings']['modules']:
            module = model.get_submodule(MODULES[name])
            tensors[f'{name}.out'] = module(*(given[f'{name}.{part}'] for part in ('left', 'down', 'right')))
    kit.check(meta, values, tensors, reduced(meta))


@pytest.mark.parametrize('path', kit.files('scwssod', 'blocks'))
def test_attention_and_refinement_blocks(path):
    meta, values = kit.load(path)
    given, model = kit.inputs(meta, values), network(meta)
    with torch.no_grad():
        tensors = {
            name: model.get_submodule(MODULES[module])(*(given[f'{module}.{part}'] for part in parts))
            for name, (module, *parts) in meta['settings']['calls'].items()
        }
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('scwssod', 'network'))
def test_network(path):
    meta, values = kit.load(path)
    model = network(meta)
    tensors = record(model, MODULES)
    model.backbone.layer1.register_forward_pre_hook(lambda m, given: tensors.__setitem__('bkbone.out1', given[0]))
    with torch.no_grad():
        features, outputs = model.run(FrameInputs(kit.inputs(meta, values)['image'].unsqueeze(1)))
    for stage, feature in enumerate(features, start=2):
        tensors[f'bkbone.out{stage}'] = feature.squeeze(1)
        tensors[f'logit{stage}'] = outputs[output_name(stage)].squeeze(1)
    probability = torch.sigmoid(tensors['logit2'])
    tensors['train_out2'] = torch.cat([1 - probability, probability], dim=1)
    kit.check(meta, values, tensors, reduced(meta))


def coherence(saliency, image, kernels, radius):
    saliency = saliency.clone().requires_grad_()
    loss = local_saliency_coherence(saliency, image, kernels, radius).mean()
    loss.backward()
    return loss, saliency.grad


@pytest.mark.parametrize('path', kit.files('scwssod', 'lsc'))
def test_local_saliency_coherence(path):
    meta, values = kit.load(path)
    given, tensors = kit.inputs(meta, values), {}
    for name, case in meta['settings']['cases'].items():
        image = given[f'{name}.image']
        if case['shared_image']:
            bandwidths = Bandwidths()
            for call, part in case['calls'].items():
                kernels = bandwidths.kernels(case['kernels'])
                loss, gradient = coherence(given[f'{name}.{part}'], image, kernels, case['radius'])
                tensors |= {f'{name}.{call}.loss': loss, f'{name}.{call}.grad': gradient}
            continue
        kernels = Bandwidths().kernels(case['kernels'])
        loss, gradient = coherence(given[f'{name}.pred'], image, kernels, case['radius'])
        double, _ = coherence(given[f'{name}.pred'].double(), image.double(), kernels, case['radius'])
        tensors |= {f'{name}.loss': loss, f'{name}.grad': gradient, f'{name}.loss64': double}
    kit.check(meta, values, tensors)


def cases(given, ending):
    return [name[: -len(ending)] for name in given if name.endswith(ending)]


@pytest.mark.parametrize('path', kit.files('scwssod', 'ssc'))
def test_structure_consistency(path):
    meta, values = kit.load(path)
    given, tensors, settings = kit.inputs(meta, values), {}, meta['settings']
    assert (settings['window'], settings['c1'], settings['c2']) == (3, 0.01**2, 0.03**2)
    for case in cases(given, '.x'):
        x, y = (given[f'{case}.{side}'].clone().requires_grad_() for side in 'xy')
        loss = structure_consistency(x, y, settings['alpha']).mean()
        loss.backward()
        term = ((1 - structural_similarity(x, y)) / 2).clamp(0, 1)
        found = dict(loss=loss, grad_x=x.grad, grad_y=y.grad, ssim_term_map=term, ssim_term_mean=term.mean())
        found['l1'] = structure_consistency(x, y, alpha=0).mean()
        tensors |= {f'{case}.{name}': value for name, value in found.items()}
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('scwssod', 'pce'))
def test_partial_cross_entropy(path):
    meta, values = kit.load(path)
    given, tensors = kit.inputs(meta, values), {}
    for case in cases(given, '.prob'):
        # The published terms take probabilities, ours logits: float64 brings them back unharmed.
        probability = given[f'{case}.prob'].double().requires_grad_()
        logits, label = torch.logit(probability), given[f'{case}.label']
        masks, known = ((label == 1).unsqueeze(1), (label != meta['settings']['ignore_label']).unsqueeze(1))
        foreground, background = partial_cross_entropy(logits, masks, known, form='released')
        (foreground + background).backward()
        found = dict(label=label, fg=foreground, bg=background, grad=probability.grad)
        found['bce_fg'], found['bce_bg'] = partial_cross_entropy(logits.detach(), masks, known)
        tensors |= {f'{case}.{name}': value for name, value in found.items()}
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('scwssod', 'total'))
def test_all_losses_and_their_sum(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    tensors = {'label': given['label']}
    targets = targets_of(given['image'].double(), given['label'])
    for variant, options in settings['variants'].items():
        losses = {name: LOSSES.build(config) for name, config in loss_configs(settings, **options).items()}
        maps = {name: value.double().requires_grad_() for name, value in given.items() if name.startswith('prob')}
        outputs = {output_name(stage): torch.logit(maps[f'prob{stage}']) for stage in settings['output_weights']}
        outputs['logits_rescaled'] = torch.logit(maps['prob2_small'])
        outputs = {name: value.unsqueeze(1) for name, value in outputs.items()}
        terms = {}
        for key, loss in losses.items():
            value = loss(outputs, targets)
            parts = value if isinstance(value, dict) else {'': value}
            terms |= {f'loss_{key}_{term}'.rstrip('_'): part for term, part in parts.items()}
        found = official_terms(settings, terms)
        found['total'].backward()
        found |= {f'grad_{name}': value.grad for name, value in maps.items()}
        tensors |= {f'{variant}.{name}': value for name, value in found.items()}
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('scwssod', 'train_step'))
def test_one_optimisation_step(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    rate, loss = settings['optimiser']['lr'], settings['loss']
    rescaled = dict(type='RescaledPass', scale=loss['ssc']['scale'], align_corners=loss['ssc']['align_corners'])
    losses = loss_configs(loss, shared_image=loss['variant'] == 'released')
    model = network(meta, losses=losses, extra_passes=dict(rescaled=rescaled)).to(getattr(torch, settings['dtype']))
    sgd = {name: value for name, value in settings['optimiser'].items() if name not in ('name', 'lr')}
    optimiser = build_optim_wrapper(
        model,
        dict(
            type='OptimWrapper',
            constructor='salseg.GroupedOptimWrapperConstructor',
            optimizer=dict(type='SGD', lr=rate['head'], **sgd),
            paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=rate['bkbone'] / rate['head']))),
        ),
    )
    small = {}
    model.extra_passes['rescaled'].register_forward_hook(lambda m, given, output: small.update(output))
    inputs = FrameInputs(given['image'].unsqueeze(1))
    features, outputs = model.run(inputs)
    terms = model.loss_from(inputs, features, outputs, targets_of(given['image'], given['label']))
    found = official_terms(loss, terms)
    optimiser.zero_grad()
    found['total'].backward()
    tensors = {f'loss.{name}': value for name, value in found.items()}
    names = [key.removeprefix('gradhead.') for key in values if key.startswith('gradhead.')]
    tensors |= norms_and_heads(model, names, settings['first_values'])
    optimiser.step()
    state = model.state_dict()
    for name in names:
        tensors[f'after_step.{name}'] = state[official_to_salseg(name)].flatten()[: settings['first_values']]
    for key in (key.removeprefix('bn.') for key in values if key.startswith('bn.')):
        tensors[f'bn.{key}'] = state[official_to_salseg(key)]
    for stage in loss['output_weights']:
        name = f'out{stage}.fg'
        tensors[name] = sampled(meta, torch.sigmoid(outputs[output_name(stage)]).squeeze(1), name)
    tensors['small_out2.fg'] = torch.sigmoid(small['logits_rescaled']).squeeze(1)
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('scwssod', 'schedule'))
def test_learning_rate(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    assert settings['shape'] == 'triangle'
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=settings['max_lr'])
    low_ratio = settings['base_lr'] / settings['max_lr']
    schedule = TriangleLR(optimiser, total=int(given['total_steps']), low_ratio=low_ratio)
    rates = {}
    # The first step of the released code has number -1.
    for number in range(-1, int(given['niter'].max()) + 1):
        rates[number] = optimiser.param_groups[0]['lr']
        optimiser.step()
        schedule.step()
    kit.check(meta, values, dict(lr=np.array([rates[int(number)] for number in given['niter']])))


@pytest.mark.parametrize('path', kit.files('scwssod', 'data'))
def test_transforms(path, tmp_path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    rgb, scribble, truth = given['rgb'], given['scribble'], given['gt'].numpy().astype(np.uint8)
    assert settings['scribble_codes'] == dict(unknown=0, foreground=1, background=2)
    tensors = {}
    for name, flip in settings['flip'].items():
        image, sample = transformed(loaded(tmp_path, rgb, scribble, 'scribble'), settings, flip=flip)
        tensors |= {f'{name}.image': image, f'{name}.label': sample.labels[0]}
    _, sample = transformed(loaded(tmp_path, rgb, scribble, 'scribble'), settings, scribble_resize='nearest')
    tensors['clean_nearest.label'] = sample.labels[0]
    image, sample = transformed(loaded(tmp_path, rgb, truth, 'soft'), settings)
    tensors |= {'test.image': image, 'test.mask': sample.saliency}
    kit.check(meta, values, tensors, reduced(meta))


@pytest.mark.parametrize('path', kit.files('scwssod', 'infer'))
def test_written_map(path):
    meta, values = kit.load(path)
    given = kit.inputs(meta, values)
    height, width = (int(n) for n in given['size'])
    logits = given['logit']
    model = SaliencySegmentor(Pyramid(), Given(dict(logits=logits)), data_preprocessor=SalDataPreprocessor())
    geometry = FrameGeometry.whole(height, width).scaled(*logits.shape[-2:])
    sample = SalDataSample(metainfo=dict(frame_ids=['0'], geometry=[geometry]))
    (sample,) = model.predict(FrameInputs(torch.zeros(1, 1, 3, *logits.shape[-2:])), [sample])
    tensors = dict(prob_range=torch.stack([sample.pred_maps[0].min(), sample.pred_maps[0].max()]))
    tensors['saved_map'] = to_grey(MinMaxNormalize()(sample).pred_maps[0])
    kit.check(meta, values, tensors)
