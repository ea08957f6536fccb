"""Between the published RCRNet and ours: names, weights, intermediate tensors."""

from tests.needs import needs_project

needs_project('rcrnet')


from functools import cache

import torch

from projects.rcrnet import FGPLG, RefinementHead
from projects.rcrnet.weights import convert
from salseg.models import SaliencySegmentor
from salseg.models.backbones import Encoder, ResNet
from salseg.models.layers import for_inference
from salseg.models.matchers import NER
from salseg.models.necks import ASPP
from salseg.ops import resize
from tests.parity import kit

# Where the tensors of the static network are found: module, and what is taken of its call.
MODULES = {
    'backbone.backbone.layer1': 'layer1',
    'backbone.backbone.layer2': 'layer2',
    'backbone.backbone.layer3': 'layer3',
    'backbone.backbone.layer4': 'layer4',
    'backbone.neck.pool': 'aspp_imagepool',
    **{f'backbone.neck.branches.{i}': f'aspp_c{i}' for i in range(4)},
    'backbone.neck.project': 'aspp',
    **{f'head.refine.{i}.skip': f'skip{i + 1}' for i in range(3)},
    **{f'head.refine.{i}.fuse': f'refine{i + 1}' for i in range(3)},
    'head.full': 'decoder_conv1',
}


@cache
def official_state(prefix, keys_file):
    return kit.weights(dict(weights=dict(prefix=prefix, keys_file=keys_file)))


def encoder():
    neck = ASPP(2048, rates=(6, 12, 18), project_kernel=3, pool_first=True, dropout=0.1, drop_channels=True)
    return Encoder(ResNet(50, output_stride=16), neck)


def network(meta, **parts):
    """The network of a file with its weights as the converter maps them, loaded strictly."""
    kinds = {
        'static': lambda: SaliencySegmentor(encoder(), RefinementHead(), **parts),
        'video': lambda: SaliencySegmentor(encoder(), RefinementHead(), matcher=NER(), **parts),
        'temporal module alone': lambda: SaliencySegmentor(encoder(), RefinementHead(), matcher=NER(), **parts),
        'seven channels': lambda: FGPLG(encoder(), RefinementHead(), **parts),
    }
    model = kinds[meta['settings']['network']]()
    spec = meta['weights']
    converted, _ = convert(official_state(spec['prefix'], spec['keys_file']))
    model.load_state_dict(converted, strict=True)
    # As it is run: a network for prediction has its weights laid out for that.
    return model.train() if meta['settings']['mode'] == 'train' else for_inference(model.eval())


def in_time(value):
    """(B, T, C, h, w) to the layout of the files, (B, C, T, h, w)."""
    return value.transpose(1, 2)


def record(model):
    """Tensors of the static network by the files' names, filled when it runs, once.

    A module that is called for one image after the other gives its images in that order.
    """
    tensors = {}

    def keep(name, value):
        # Cloned: the next layer may work in place. Nothing is returned, a hook's answer would replace the output.
        parts = [tensors[name]] if name in tensors else []
        tensors[name] = torch.cat([*parts, value.detach().clone()])

    for path, name in MODULES.items():
        model.get_submodule(path).register_forward_hook(lambda module, given, output, name=name: keep(name, output))
    model.backbone.backbone.layer1.register_forward_pre_hook(lambda module, given: keep('stem', given[0]))

    def classify(head, given, output):
        # Without gradient the head exchanges enlargement and convolution: what lies between is made for the file alone.
        if MODULES['head.full'] not in tensors:
            head.full(resize(tensors[MODULES['head.refine.2.fuse']], given[1]))

    model.head.register_forward_hook(classify)
    return tensors


def record_ner(matcher):
    """Tensors of the temporal module by the files' names."""
    tensors = {}

    def keep(module, before, after):
        def hook(module, given, output):
            if before:
                tensors[before] = in_time(given[0])
            tensors[after] = in_time(output)

        module.register_forward_hook(hook)

    keep(matcher.first, 'nl1_in', 'nl1_out')
    keep(matcher.forward_gru, None, 'gru_forward')
    keep(matcher.backward_gru, None, 'gru_backward')
    keep(matcher.second, 'nl2_in', 'nl2_out')
    return tensors


def with_statistics(tensors):
    """`stat/NAME` beside every tensor: mean, population deviation, largest magnitude."""
    result = dict(tensors)
    for name, value in tensors.items():
        value = torch.as_tensor(value).double()
        result[f'stat/{name}'] = torch.stack([value.mean(), value.std(unbiased=False), value.abs().max()])
    return result
