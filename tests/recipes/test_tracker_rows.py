"""Rows of the trackers' tables: prompts, losses and stages."""

import pytest
import torch

from salseg.engine.checkpoint import load_weights
from salseg.registry import MODELS
from tests.needs import needs_project
from tests.recipes.built import config, step

needs_project('npmca_net')
needs_project('xmem')

XMEM = 'projects/xmem/configs/xmem_r50_'
NPMCA = 'projects/npmca_net/configs/npmca-net_r50_paper'
ALL = {'projection', 'pairwise', 'temporal'}


@pytest.mark.parametrize(('row', 'losses', 'given', 'tested'), [
    # Table 4.1, B.
    ('boxes', ALL, 'box', 'box'),
    # Tables 4.3 and 4.4: "with mask-initialization when training using bounding boxes only".
    ('boxes-pwt', ALL, 'box', 'mask'),
    ('boxes-p', {'projection'}, 'box', 'mask'),
    ('boxes-pw', {'projection', 'pairwise'}, 'box', 'mask'),
    ('boxes-pt', {'projection', 'temporal'}, 'box', 'mask'),
    # Tables 4.5 and 4.6: the clip's first frame with its exact mask.
    ('boxes-first-mask', ALL, 'mask', 'mask'),
    ('boxes-first-mask-p', {'projection'}, 'mask', 'mask'),
    ('boxes-first-mask-pw', {'projection', 'pairwise'}, 'mask', 'mask'),
    ('boxes-first-mask-pt', {'projection', 'temporal'}, 'mask', 'mask'),
])  # fmt: skip
def test_rows_from_boxes_have_the_losses_and_prompts_of_their_table(row, losses, given, tested):
    path = f'{XMEM}{row}_davis17-480'
    read = config(path)
    model = MODELS.build({**read.model.to_dict(), 'key_backbone': dict(read.model.key_backbone, weights=None),
                          'value_backbone': dict(read.model.value_backbone, weights=None)})  # fmt: skip
    assert set(model.losses) == losses
    assert {transform.prompt for transform in step(path, 'MasksToBoxes')} == {given}
    assert read.test_dataloader.dataset.prompt == tested


@pytest.mark.parametrize('row', ['', '-without-cm', '-without-pm', '-one-encoder'])
def test_a_stage_1_fits_the_network_of_its_stage_2(row):
    networks = []
    for path in (f'{NPMCA}-stage1{row}_static-256', f'{NPMCA}{row}_davis17'):
        model = config(path).model.to_dict()
        networks.append(MODELS.build({**model, 'backbone': {**model['backbone'], 'weights': None}}))
    first, second = networks
    load_weights(second, first.state_dict(), 'stage 1')
    assert all(torch.equal(value, first.state_dict()[name]) for name, value in second.state_dict().items())


def test_stages_of_npmca_have_the_rates_of_the_thesis():
    rates = [config(f'{NPMCA}{part}').optim_wrapper.optimizer.lr for part in ('-stage1_static-256', '_davis17')]
    assert rates == [1e-5, 1e-6]


def test_the_small_recipe_of_the_thesis_differs_from_the_published_size_in_size_alone():
    small, whole = (
        config('projects/xmem/configs/xmem_lite0_boxes-thesis_synthetic-96'),
        config(f'{XMEM}boxes_davis17-480'),
    )
    lengths = [read.train_cfg.max_iters for read in (small, whole)]
    losses = [read.model.losses.to_dict() for read in (small, whole)]
    for name in ('pairwise', 'temporal'):
        ramps = [loss[name].pop('ramp_iterations') / length for loss, length in zip(losses, lengths)]
        assert ramps[0] == pytest.approx(ramps[1], rel=0.02)
    assert losses[0] == losses[1]
    assert small.optim_wrapper == whole.optim_wrapper
    steps = [read.param_scheduler[0].milestones[0] / length for read, length in zip((small, whole), lengths)]
    assert steps[0] == pytest.approx(steps[1], rel=0.02)
    assert not [read for read in (small, whole) if read.get('needs_start') or read.get('load_from')]
    assert not [part for part in (small.model.key_backbone, small.model.value_backbone) if part.get('frozen_stages')]
    model = MODELS.build({**small.model.to_dict(), 'key_backbone': dict(small.model.key_backbone, weights=None),
                          'value_backbone': dict(small.model.value_backbone, weights=None)})  # fmt: skip
    # Section 4.3 gives no weights, so they are one; eq. 3.11, 3.16, 3.18 and 3.22.
    assert {name: loss.weight for name, loss in model.losses.items()} == dict.fromkeys(sorted(ALL), 1.0)
    found = model.losses
    assert (found['projection'].form, found['projection'].reading) == ('thesis', 'joint')
    assert (found['pairwise'].normalizer, found['temporal'].form, found['temporal'].detach) == ('size', 'thesis', True)
    stable = config('projects/xmem/configs/xmem_lite0_boxes-stable_synthetic-96')
    assert stable.needs_start
    assert stable.model.losses.pairwise.weight == stable.model.losses.temporal.weight == 0.1
