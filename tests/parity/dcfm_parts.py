"""Between the published DCFM and ours: names, weights, what each module computes on its way."""

from tests.needs import needs_project

needs_project('dcfm')


import json
from functools import cache

import torch
import torch.nn.functional as F

from projects.dcfm.weights import convert
from salseg import ops
from salseg.models import SalDataPreprocessor
from salseg.models.backbones import VGG16
from salseg.models.heads import LateralPyramidHead
from salseg.models.layers import for_inference
from salseg.models.matchers import DemocraticPrototype
from salseg.models.necks import DemocraticEnhancement
from salseg.models.segmentors import GroupSegmentor
from salseg.ops.prototypes import similarity_maxima
from tests.parity import kit

OUTPUTS = {'pred0': 'logits_4', 'pred1': 'logits_3', 'pred2': 'logits_2', 'pred3': 'logits'}


def key_list(meta):
    """The official names and shapes, and what the list says besides."""
    return json.loads((kit.KIT / meta['weights']['keys_file']).read_text())


@cache
def official(spec):
    """Our state dict of the weights that a file describes, and what the converter dropped."""
    return convert(kit.weights(dict(weights=json.loads(spec))))


def network(meta, mode, max_bytes=2**20, **parts):
    """The whole network with the weights of a file, as the converter maps them, strictly; small blocks on purpose."""
    model = GroupSegmentor(
        VGG16(trainable=('conv5_3',)),
        LateralPyramidHead(auxiliary='always'),
        DemocraticEnhancement(alpha=meta['settings']['alpha']),
        DemocraticPrototype(max_bytes=max_bytes),
        restore_from='probability',
        restore_align_corners=True,
        data_preprocessor=SalDataPreprocessor(),
        **parts,
    )
    state, dropped = official(json.dumps(meta['weights']))
    assert len(dropped) == len([key for key in key_list(meta)['keys'] if key.startswith('backbone.classifier')])
    model.load_state_dict(state, strict=True)
    # As it is run: a network for prediction has its weights laid out for that.
    return model.train() if mode == 'train' else for_inference(model.eval())


def prototype_values(matcher, maps, name):
    """Everything that the matcher computes on (N, C, h, w) on its way, under the names of the files."""
    with torch.no_grad():
        feat = maps + matcher.residual(maps)
        queries, keys = (conv(feat).flatten(2).transpose(1, 2) for conv in (matcher.query, matcher.key))
        logits = matcher.seed_logits(feat)
        selected = ops.select_seeds(logits, matcher.ties)
        unit = F.normalize(feat.flatten(2), dim=1, eps=1e-12)
        seeds = ops.seed_vectors(unit, selected)
        corr = torch.einsum('sc,ncp->nsp', seeds, unit)
        raw = ops.mean_response(unit, seeds, matcher.rectifies, matcher.max_bytes)
    (fused,), extra = matcher([maps.unsqueeze(0)])
    size = maps.shape[-2:]
    values = dict(
        feat=feat,
        sim_max=torch.cat(list(similarity_maxima(queries, keys, matcher.max_bytes))),
        prob_logit=logits,
        prob=logits.softmax(1),
        seed_index=torch.cat([row.nonzero()[:, 0] for row in selected]),
        seed_count=selected.sum(1),
        seeds=seeds,
        corr=(corr.relu() if matcher.rectifies else corr).unflatten(2, size),
        response_raw=raw.unflatten(1, size).unsqueeze(1),
        response=extra['response'][0],
        proto=extra['prototype'][0],
        fused=fused[0],
    )
    return {f'{name}/{key}': value for key, value in values.items()}


def enhancement_values(neck, maps, name='dfe'):
    """Everything that the neck computes on (N, C, h, w) on its way, under the names of the files."""
    with torch.no_grad():
        x = F.relu(neck.conv(maps))
        queries, keys, values = (part(x).flatten(2).transpose(1, 2) for part in (neck.query, neck.key, neck.value))
        attention = queries @ keys.transpose(1, 2) / keys.shape[2] ** 0.5
        share, weight = attention.softmax(-1), ops.readjustment(attention, neck.alpha)
        delta = ops.democratic_attention(queries, keys, values, neck.alpha, max_bytes=2**16)
        found = dict(
            conv_out=x,
            att=attention,
            rank=ops.descending_ranks(attention),
            soft=share,
            weight=weight,
            att_final=share * weight,
            n_nonneg=(attention >= 0).sum(-1),
            delta=delta.transpose(1, 2).unflatten(2, x.shape[2:]),
            out=neck([maps])[0],
        )
    return {f'{name}/{key}': value for key, value in found.items()}


def decoder_values(head, features, size):
    """Results `p` and predictions before enlarging, `side`, of every level."""
    x = head.top(features[-1])
    values = {'p5': x}
    for level in (4, 3, 2, 1):
        x = head.ascend(x, features[level - 1], level - 1)
        values[f'p{level}'], values[f'side{level}'] = x, head.predict[level - 1](x)
    return values


def losses(meta_losses):
    """Configs of the released losses."""
    outputs = {name: 1.0 for name in OUTPUTS.values()}
    return dict(
        iou=dict(type='MaskIoULoss', background=True, epsilon=meta_losses['eps'], on=outputs),
        scl=dict(type='SelfContrastiveLoss', epsilon=meta_losses['eps'], weight=meta_losses.get('sc_weight', 1.0)),
    )


def level_table(terms):
    """(4, 2): foreground and background term of each output, from the coarsest to the finest."""
    rows = [[terms[f'{output}_{side}'] for side in ('foreground', 'background')] for output in OUTPUTS.values()]
    return torch.stack([torch.stack(row) for row in rows])
