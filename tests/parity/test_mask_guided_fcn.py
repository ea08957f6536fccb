"""Mask-guided FCN and label smoothing against an independent computation of the paper's equations."""

from tests.needs import needs_project

needs_project('mask_guided_fcn')


import numpy as np
import pytest
import torch
from torch import nn

from projects.mask_guided_fcn.modules import FCNHead, TwoBranchVGG16
from salseg.ops.dense_crf import CRFSettings, dense_crf
from salseg.ops.label_smoothing import SmoothingSettings, foreground_score, indicator
from salseg.ops.label_smoothing import SuperpixelGraph, rank_nodes
from salseg.ops.mask_learner import admm, begin, learn_masks, soft_threshold
from salseg.ops.region_losses import sum_squared_error
from salseg.ops.label_smoothing import superpixel_means
from tests.parity import kit


def tensors_of(meta, values):
    return {name: torch.as_tensor(value) for name, value in kit.inputs(meta, values).items()}


@pytest.mark.parametrize('path', kit.files('mask_guided_fcn', 'soft_threshold'))
def test_soft_threshold(path):
    meta, values = kit.load(path)
    given = tensors_of(meta, values)
    kit.check(meta, values, dict(out=soft_threshold(given['q'], given['threshold'])))


@pytest.mark.parametrize('path', kit.files('mask_guided_fcn', 'mask_admm'))
def test_mask_learner(path):
    meta, values = kit.load(path)
    features, settings = tensors_of(meta, values)['X'], meta['settings']
    grid, std = tuple(settings['grid']), settings['response_std']
    numbers = dict(lambda1=settings['lambda1'], lambda2=settings['lambda2'], rho=settings['rho'])
    assert settings['order'] == ['w', 'm', 'z']
    assert settings['threshold'] == settings['lambda2'] / settings['rho']
    scaled, start = begin(features, grid, std)
    centred = features - features.mean((0, 1))
    scale = scaled.flatten()[centred.abs().argmax()] / centred.flatten()[centred.abs().argmax()]
    tensors = dict(mean=features.mean((0, 1)), w_pca=start.direction, scale=scale.reshape(1))
    plain, plain_start = begin(features * scale, grid, None)
    for name, used, state in (('robust', scaled, start), ('literal', plain, plain_start)):
        for rounds in settings['iterations'][name]:
            found = admm(used, state, rounds, **numbers)
            parts = dict(w=found.direction, m=found.masks, z=found.duals)
            tensors |= {f'{name}_{letter}{rounds}': value for letter, value in parts.items()}
    tensors['mask'] = learn_masks(features, grid, iterations=max(settings['iterations']['robust']), response_std=std)
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('mask_guided_fcn', 'graph'))
@pytest.mark.parametrize('rows_at_once', [None, 5], ids=['kept', 'in blocks'])
def test_affinity_and_ranking(path, rows_at_once):
    meta, values = kit.load(path)
    given, settings = tensors_of(meta, values), meta['settings']
    budget = {} if rows_at_once is None else dict(max_bytes=rows_at_once * len(given['area']) * 8)
    graph = SuperpixelGraph(
        given['lab01'], given['image_index'], given['neighbours'].nonzero(), given['sigma2'].item(), **budget
    )
    count = len(graph)
    priors = {'one per node': 1.0, 'area': given['area'], 'zero': 0.0}
    tensors = dict(
        affinity=graph.rows(0, count),
        normalised=torch.stack([graph.spread(row) for row in torch.eye(count, dtype=torch.float64)]),
    )
    for name, prior in settings['prior'].items():
        numbers = dict(lambda4=settings['lambda4'], beta=settings['beta'])
        tensors[name] = rank_nodes(graph, given['indicator'], priors[prior], **numbers)
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('mask_guided_fcn', 'indicator_unary'))
def test_indicator_and_score(path):
    meta, values = kit.load(path)
    given = tensors_of(meta, values)
    labels, saliency = given['labels'], given['saliency']
    tensors = dict(
        superpixel_mean=superpixel_means(labels, saliency[None])[:, 0],
        indicator=indicator(labels, saliency),
        foreground_score=foreground_score(labels, saliency, given['r'], meta['settings']['beta']),
    )
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('mask_guided_fcn', 'dense_crf_exact'))
@pytest.mark.parametrize('max_bytes', [2**28, 2**14], ids=['kept', 'in blocks'])
def test_exact_dense_crf(path, max_bytes):
    meta, values = kit.load(path)
    given, settings = tensors_of(meta, values), meta['settings']
    fields = dict(w1='appearance', theta_alpha='theta_alpha', theta_beta='theta_beta', w2='smoothness',
                  theta_gamma='theta_gamma')  # fmt: skip
    names = [fields[name] for name in settings['params_order']]
    tensors = {}
    for name, steps in settings['steps'].items():
        field = CRFSettings(**dict(zip(names, given[settings['params_of'][name]].tolist())))
        logits = torch.logit(given['prob'].double())
        tensors[name] = dense_crf(given['image'], logits, field, steps, max_bytes=max_bytes)
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('mask_guided_fcn', 'loss'))
def test_loss(path):
    meta, values = kit.load(path)
    given = tensors_of(meta, values)
    kit.check(meta, values, dict(frobenius=sum_squared_error(given['pred'], given['target']).reshape(1)))


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.mark.parametrize('path', kit.files('mask_guided_fcn', 'expected'))
def test_parameters_sizes_and_numbers(path):
    meta, values = kit.load(path)
    with torch.device('meta'):
        head = FCNHead()
        separate, shared = TwoBranchVGG16(), TwoBranchVGG16(share_branches=True)
    layers = separate.vgg.features
    found = {
        'params.conv1_3': count(layers[: separate.parting]),
        'params.conv4_5_per_branch': count(layers[separate.parting :]),
        'params.conv6': count(head.conv6),
        'params.conv7': count(head.conv7),
        'params.score': count(head.score),
        'params.deconv': count(head.enlarge),
        'params.total_separate': count(separate, head),
        'params.total_shared': count(shared, head),
    }
    for size in values['ceil_pool_sizes']:
        x, sizes = torch.empty(1, 3, *(int(n) for n in size.split('x')), device='meta'), []
        for layer in layers:
            if isinstance(layer, nn.MaxPool2d):
                x = layer(x)
                sizes.append(list(x.shape[-2:]))
        found[f'ceil_pool_sizes.{size}'] = sizes
    defaults = SmoothingSettings()
    found |= {f'smoothing.{name}': getattr(defaults, name) for name in ('lambda4', 'beta', 'sigma2')}
    found |= {f'mask.{name}': value for name, value in mask_defaults().items()}
    kit.check(meta, values, found)


def mask_defaults():
    """Numbers of the mask learner, out of the signatures."""
    import inspect

    numbers = {name: p.default for f in (admm, learn_masks) for name, p in inspect.signature(f).parameters.items()}
    names = dict(lambda1='lambda1', lambda2='lambda2', rho='rho', iterations='iterations', response_std='response_std')
    found = {ours: numbers[theirs] for ours, theirs in names.items()}
    return found | dict(threshold=np.float64(found['lambda2'] / found['rho']))
