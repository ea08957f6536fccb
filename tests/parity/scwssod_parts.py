"""Between the published SCWSSOD and ours: names, weights, settings, sampling."""

from tests.needs import needs_project

needs_project('scwssod')


import fnmatch
from functools import cache

import cv2
import numpy as np
import torch
from torch import nn

from projects.scwssod.weights import MODULES, official_to_salseg
from salseg.datasets import transforms
from salseg.models import SalDataPreprocessor, SaliencySegmentor
from salseg.models.backbones import ResNet
from salseg.models.heads import MultiLevelSaliencyHead
from salseg.models.layers import for_inference
from salseg.models.necks import ProgressiveAggregationNeck
from salseg.ops import CoherenceKernel
from salseg.structures import FrameTargets
from tests.parity import kit


@cache
def official_state(prefix, keys_file):
    return kit.weights(dict(weights=dict(prefix=prefix, keys_file=keys_file)))


def network(meta, **parts):
    """The whole network with the weights of a file, as the converter maps them, strictly."""
    backbone = ResNet(50)
    neck, head = ProgressiveAggregationNeck(backbone.channels), MultiLevelSaliencyHead()
    model = SaliencySegmentor(backbone, head, neck, data_preprocessor=SalDataPreprocessor(), **parts)
    spec = meta['weights']
    state = official_state(spec['prefix'], spec['keys_file'])
    model.load_state_dict({official_to_salseg(key): value for key, value in state.items()}, strict=True)
    # As it is run: a network for prediction has its weights laid out for that.
    return model.train() if meta['settings']['mode'] == 'train' else for_inference(model.eval())


def output_name(stage):
    return 'logits' if int(stage) == 2 else f'logits_{stage}'


def sampled(meta, value, name):
    """`.sN` and patterns of names: start and step along the last two axes."""
    for pattern, rule in meta['settings']['sampling'].items():
        if name.endswith(f'.{pattern}') or fnmatch.fnmatchcase(name, pattern):
            return value[..., rule['start'] :: rule['step'], rule['start'] :: rule['step']]
    return value


def reduced(meta):
    """Look-up of `.cmean`, `.smap`, `.crop` and `.sN` of full tensors; one batch item where the file says so."""

    def lookup(name, tensors):
        base, _, how = name.rpartition('.')
        if how not in ('cmean', 'smap', 'crop'):
            return sampled(meta, tensors[base], name) if how in meta['settings'].get('sampling', {}) else tensors[name]
        value = tensors[base]
        if 'batch_item' in meta['settings']:
            value = value[meta['settings']['batch_item']]
        if how == 'crop':
            channels, height, width = meta['settings']['crop']
            return value[:channels, :height, :width]
        return value.mean((-2, -1)) if how == 'cmean' else value.mean(-3)

    return lookup


def record(model, names):
    """Outputs of modules of the decoder by official name, filled when the network runs; of AGGM the inner steps too."""
    tensors = {}

    def keep(name, pick=lambda value: value):
        return lambda module, given, output: tensors.__setitem__(name, pick(output).detach())

    for name in names:
        module = model.get_submodule(MODULES[name])
        module.register_forward_hook(keep(name))
        if not name.startswith('fam'):
            continue
        for i, score in enumerate(module.scores, start=1):
            score.register_forward_hook(keep(f'{name}.att{i}', lambda value: value.mean((1, 2, 3))))
            score.register_forward_pre_hook(
                lambda m, given, key=f'{name}.z{i}': tensors.__setitem__(key, given[0].detach())
            )
        module.fuse.register_forward_pre_hook(
            lambda m, given, key=f'{name}.fused': tensors.__setitem__(key, given[0].detach())
        )
    return tensors


class Bandwidths:
    """The released code divides the image in place: each kernel with colour finds it smaller by all before."""

    def __init__(self):
        self.product = 1.0

    def kernels(self, specs):
        result = []
        for spec in specs:
            if 'rgb' in spec:
                self.product *= spec['rgb']
            result.append(CoherenceKernel(spec['weight'], spec['xy'], self.product if 'rgb' in spec else None))
        return result


def loss_configs(settings, shared_image):
    """The losses of a file's settings, as a config names them."""
    (kernel,), lsc, shares = settings['lsc']['kernels'], settings['lsc'], settings['output_weights']
    on = {output_name(stage): share for stage, share in shares.items()}
    sigmas = {name: kernel['rgb'] ** (i if shared_image else 1) for i, name in enumerate(on, start=1)}
    return dict(
        pce=dict(type='PartialCrossEntropyLoss', form='released', on=on),
        lsc=dict(
            type='LocalSaliencyCoherenceLoss',
            scale=lsc['scale'],
            radius=lsc['radius'],
            sigma_position=kernel['xy'],
            sigma_image=sigmas,
            weight=kernel['weight'] * settings['lsc_weight'],
            on=on,
        ),
        ssc=dict(type='StructureConsistencyLoss', alpha=settings['ssc']['alpha']),
    )


def official_terms(settings, terms):
    """Published names and weights of our loss terms."""
    found = {'ssc': terms['loss_ssc'], 'total': sum(terms.values())}
    for stage, share in settings['output_weights'].items():
        name = output_name(stage)
        found[f'fg{stage}'] = terms[f'loss_pce_{name}_foreground'] / share
        found[f'bg{stage}'] = terms[f'loss_pce_{name}_background'] / share
        found[f'lsc{stage}'] = terms[f'loss_lsc_{name}'] / (share * settings['lsc_weight'])
        own = found[f'fg{stage}'] + found[f'bg{stage}'] + settings['lsc_weight'] * found[f'lsc{stage}']
        found[f'loss{stage}'] = own + found['ssc'] if name == 'logits' else own
    return found


def targets_of(image, label):
    return FrameTargets(inputs=image.unsqueeze(1), labels=label.to(torch.uint8).unsqueeze(1))


def norms_and_heads(model, names, count):
    """Gradient norms and first gradient values of parameters by official name, and norms of both groups."""
    found = {}
    for name in names:
        gradient = model.get_parameter(official_to_salseg(name)).grad
        found[f'gradnorm.{name}'] = gradient.norm()
        found[f'gradhead.{name}'] = gradient.flatten()[:count]
    groups = {'backbone': [], 'head': []}
    for name, parameter in model.named_parameters():
        groups['backbone' if name.startswith('backbone.') else 'head'].append(parameter.grad.norm())
    return found | {f'gradnorm.{name}_total': torch.stack(norms).norm() for name, norms in groups.items()}


def loaded(folder, rgb, annotation, kind):
    """What a data set gives to the transforms, from files written to a folder."""
    cv2.imwrite(str(folder / 'image.png'), rgb[..., ::-1])
    cv2.imwrite(str(folder / 'label.png'), annotation)
    return dict(
        dataset='parity',
        set_id='0',
        frame_ids=['0'],
        frame_paths=[str(folder / 'image.png')],
        label_paths=[str(folder / 'label.png')],
        label_kind=[kind],
        rng=np.random.default_rng(0),
    )


def transformed(results, settings, *, flip=False, scribble_resize='released'):
    size = settings['size']
    steps = [
        transforms.LoadFrames(),
        transforms.LoadLabels(one_sided='allow'),
        transforms.Resize(size, exact=True, scribble_resize=scribble_resize),
        transforms.RandomFlip(probability=float(flip)),
        transforms.PackFrames(),
    ]
    for step in steps:
        results = step(results)
    batch = dict(inputs=[results['inputs']], data_samples=[results['data_samples']])
    batch = SalDataPreprocessor(settings['mean'], settings['std'])(batch)
    return batch['inputs'].frames[0, 0], batch['data_samples'][0]


class Pyramid(nn.Module):
    """A backbone whose only feature is the image."""

    def forward(self, images):
        return [images]


class Given(nn.Module):
    """A head that says what it was told to say."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, features, size):
        return self.outputs
