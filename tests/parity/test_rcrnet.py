"""RCRNet, NER and the pseudo-label generator against the published code."""

from tests.needs import needs_project

needs_project('rcrnet')


import json

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from projects.rcrnet.weights import official_to_salseg
from salseg.io.annotations import read_map
from salseg.datasets.sampling import clip_indices
from salseg.datasets.transforms import AntialiasedResize, LoadFrames, LoadSoftLabels, PackFrames
from salseg.engine.pseudo_labels import released_grey
from salseg.evaluation.functional import structure_measure
from salseg.evaluation.functional.pair import saliency_pair
from salseg.models import SalDataPreprocessor
from salseg.models.losses import FrameCrossEntropyLoss
from salseg.ops import flow_magnitude, frame_cross_entropy, warp
from salseg.structures import FrameInputs, FrameTargets
from tests.parity import kit
from tests.parity.rcrnet_parts import in_time, network, record, record_ner, with_statistics


def clip_of(given, pattern='frame'):
    numbers = sorted(int(name.removeprefix(pattern)) for name in given if name.startswith(pattern))
    return torch.stack([given[f'{pattern}{number}'] for number in numbers], dim=1)


@pytest.mark.parametrize('path', kit.files('rcrnet', 'image'))
def test_static_network(path):
    meta, values = kit.load(path)
    model = network(meta)
    tensors = record(model)
    with torch.no_grad():
        outputs = model.run(FrameInputs(kit.inputs(meta, values)['image'].unsqueeze(1)))[1]
    tensors['logits'] = outputs['logits'].squeeze(1)
    kit.check(meta, values, with_statistics(tensors))


@pytest.mark.parametrize('path', kit.files('rcrnet', 'image'))
def test_two_images_of_a_batch_are_recorded_as_each_alone_and_recording_changes_nothing(path):
    meta, values = kit.load(path)
    image = kit.inputs(meta, values)['image'][:1, :, :64, :64]
    # In float64: libraries convolve two images and one in another order of sums.
    batch = torch.stack([image, image.flip(-1)])[:, 0].unsqueeze(1).double()
    model = network(meta).eval().double()
    with torch.no_grad():
        plain = model.run(FrameInputs(batch))[1]['logits']
        tensors = record(model)
        recorded = model.run(FrameInputs(batch))[1]['logits']
        together = dict(tensors)
        alone = []
        for single in batch.split(1):
            tensors.clear()
            model.run(FrameInputs(single))
            alone.append(dict(tensors))
    assert torch.equal(recorded, plain)
    assert (plain[0] - plain[1]).abs().max() > 1e-3
    for name, value in together.items():
        torch.testing.assert_close(value, torch.cat([part[name] for part in alone]), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize('path', kit.files('rcrnet', 'video'))
def test_video_network(path):
    meta, values = kit.load(path)
    model = network(meta)
    tensors = record_ner(model.matcher)
    with torch.no_grad():
        outputs = model.run(FrameInputs(clip_of(kit.inputs(meta, values))))[1]
    tensors['logits'] = in_time(outputs['logits'])
    kit.check(meta, values, with_statistics(tensors))


@pytest.mark.parametrize('path', kit.files('rcrnet', 'ner'))
def test_temporal_module(path):
    meta, values = kit.load(path)
    matcher = network(meta).matcher
    tensors = record_ner(matcher)
    with torch.no_grad():
        (result,), _ = matcher([clip_of(kit.inputs(meta, values), 'feat')])
    tensors['out'] = in_time(result)
    kit.check(meta, values, with_statistics(tensors))


@pytest.mark.parametrize('path', kit.files('rcrnet', 'fgplg'))
def test_generator(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    model = network(meta)
    tensors = record(model)
    left, target, right = (settings[name] for name in ('left', 'target', 'right'))
    prompt = torch.cat([given[f'label{left}'], given[f'label{right}']], dim=1)
    flow = torch.stack([given['flow_l'], given['flow_r']], dim=1)
    inputs = FrameInputs(given[f'frame{target}'].unsqueeze(1), prompt=prompt, flow=flow)
    with torch.no_grad():
        tensors['input7'] = model.compose(inputs)
        outputs = model.run(inputs)[1]
    tensors['logits'] = outputs['logits'].squeeze(1)
    loss = FrameCrossEntropyLoss()(outputs, FrameTargets(saliency=given[f'label{target}']))
    tensors['loss'] = loss.reshape(1, 1)
    mean, std = (kit.recipes('rcrnet').__dict__[name] for name in ('MEAN', 'STD'))
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (mean, std))
    for name, neighbour in (('l', left), ('r', right)):
        # What an estimator is given: colours in [0, 1], the target first.
        pair = [given[f'frame{index}'] * std + mean for index in (target, neighbour)]
        tensors[f'flownet_input_{name}'] = torch.stack(pair, dim=2)
    kit.check(meta, values, with_statistics(tensors))


@pytest.mark.parametrize('path', kit.files('rcrnet', 'loss'))
def test_losses_and_gradients(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    model = network(meta, norm_eval=settings['batch_norm'] == 'eval')
    for module in model.modules():
        if isinstance(module, nn.Dropout2d):
            module.p = settings['dropout']
    outputs = model.run(FrameInputs(clip_of(given)))[1]
    truth = clip_of(given, 'label')
    targets = FrameTargets(saliency=truth.squeeze(2))
    FrameCrossEntropyLoss(frames='sum')(outputs, targets).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert len(gradients) == len(list(model.parameters()))
    norms = [gradients[official_to_salseg(str(name))].norm() for name in values['grad_norm_names']]
    tensors = dict(
        loss_per_frame=frame_cross_entropy(outputs['logits'], truth).flatten(),
        grad_norm=torch.stack(norms),
        grad_decoder_conv2_weight=gradients[official_to_salseg('backbone.decoder.conv2.weight')].flatten(),
        n_params_with_grad=np.array(len(gradients)),
    )
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('rcrnet', 'warp'))
def test_warp_and_magnitude(path):
    meta, values = kit.load(path)
    given = kit.inputs(meta, values)
    tensors = {f'warped_{name}': warp(given[name], given['flow']) for name in ('mask', 'image')}
    tensors['magnitude'] = flow_magnitude(given['flow'])
    kit.check(meta, values, with_statistics(tensors))


@pytest.mark.parametrize('path', kit.files('rcrnet', 'transform'))
def test_transforms_and_written_maps(path, tmp_path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    image, label = (np.asarray(given[name]) for name in ('source_image', 'source_label'))
    cv2.imwrite(str(tmp_path / 'image.png'), image[..., ::-1])
    cv2.imwrite(str(tmp_path / 'label.png'), label)
    results = dict(
        dataset='parity', set_id='0', frame_ids=['0'], frame_paths=[str(tmp_path / 'image.png')],
        label_paths=[str(tmp_path / 'label.png')], label_kind=['soft'],
    )  # fmt: skip
    for step in (LoadFrames(), LoadSoftLabels(), AntialiasedResize(settings['size']), PackFrames()):
        results = step(results)
    scale = [[255 * value for value in settings[name]] for name in ('mean', 'std')]
    batch = SalDataPreprocessor(*scale)(dict(inputs=[results['inputs']], data_samples=[results['data_samples']]))
    tensors = dict(image=batch['inputs'].frames[0, 0], label=batch['data_samples'][0].saliency)
    tensors['pred'] = torch.sigmoid(6 * (tensors['label'] - 0.5) + 0.5 * tensors['image'][:1])
    size = image.shape[:2]
    for resample in ('bicubic', 'nearest'):
        tensors[f'written_{resample}'] = released_grey(tensors['pred'][0].numpy(), size, resample)
        cv2.imwrite(str(tmp_path / f'{resample}.png'), tensors[f'written_{resample}'])
        assert np.array_equal(read_map(tmp_path / f'{resample}.png'), tensors[f'written_{resample}'])
    kit.check(meta, values, tensors)


@pytest.mark.parametrize('path', kit.files('rcrnet', 'clips'))
def test_clips(path):
    _, values = kit.load(path)
    for case in values['cases']:
        arguments = dict(
            length=case['clip_len'],
            label_interval=case['label_interval'],
            nominal_interval=case['default_label_interval'],
            between=case['frame_between_label_num'],
            training=case['training'],
        )
        if 'error' in case['expected']:
            assert case['expected']['error'] == 'ValueError'
            with pytest.raises(ValueError, match='between'):
                clip_indices(case['num_frames'], case['label_index'], **arguments)
            continue
        plan = clip_indices(case['num_frames'], case['label_index'], **arguments)
        found = dict(clip_len_used=plan.length, spacing=plan.spacing, clips=plan.clips, frames_with_label=plan.labelled)
        assert found == case['expected'], json.dumps(case['name'])


@pytest.mark.parametrize('path', kit.files('rcrnet', 'smeasure'))
def test_structure_measure(path):
    meta, values = kit.load(path)
    given, settings = kit.inputs(meta, values), meta['settings']
    prediction_of = {
        'gt_all_black': lambda truth, pred: (np.zeros_like(truth), pred),
        'gt_all_white': lambda truth, pred: (np.ones_like(truth), pred),
        'pred_equals_gt': lambda truth, pred: (truth, truth.astype(np.float32)),
        'pred_inverted': lambda truth, pred: (truth, 1 - truth.astype(np.float32)),
        'pred_zero': lambda truth, pred: (truth, np.zeros_like(pred)),
    }

    def score(truth, prediction):
        # The constants of the released code: population variance, the spacing of float32 in denominators.
        options = dict(alpha=settings['alpha'], population=True, eps=float(np.finfo(np.float32).eps))
        return structure_measure(saliency_pair(prediction, truth, normalize=False), **options)

    scores = {name: score(*pair) for name, pair in given.items()}
    for name, rule in settings['special'].items():
        truth, pred = prediction_of[name](*given[rule.split(',')[0]])
        scores[name] = score(truth, pred)
    kit.check(meta, values['values'], scores)
