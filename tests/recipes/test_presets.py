"""Presets called `paper`: what the papers say and the releases do not."""

import pytest
import torch

from salseg.models.losses import LocalSaliencyCoherenceLoss, SquaredErrorLoss
from salseg.ops import readjustment
from salseg.registry import MODELS
from salseg.structures import FrameTargets
from tests.needs import ROOT, needs_project
from tests.recipes.built import config, step

needs_project('scwssod')
needs_project('dcfm')
needs_project('mask_guided_fcn')

SCWSSOD = 'projects/scwssod/configs/scwssod_r50_{}_duts-scribble-320'
DCFM = 'projects/dcfm/configs/dcfm_vgg16_{}_coco9213-224'
GUIDED = 'projects/mask_guided_fcn/configs/mask-guided-fcn_vgg16_{}_msra-b-500'


def model(path):
    """The model of a config, without its files of weights."""
    node = config(path).model.to_dict()
    return MODELS.build({**node, 'backbone': {**node['backbone'], 'weights': None}})


def test_scwssod_crops_at_random_and_ignores_what_is_outside():
    (crop,) = step(SCWSSOD.format('paper'), 'RandomCrop')
    assert (crop.height, crop.width) == (288, 288)
    paper, released = (model(SCWSSOD.format(name)).losses for name in ('paper', 'released'))
    assert (paper['lsc'].border, released['lsc'].border) == ('ignore', 'zeros')
    # A full map in an image without edges: only what the padding invents can cost anything.
    full, image = torch.full((1, 1, 1, 64, 64), 40.0), torch.zeros(1, 1, 3, 64, 64)
    targets = FrameTargets(inputs=image)
    found = [
        LocalSaliencyCoherenceLoss(border=loss['lsc'].border)({'logits': full}, targets) for loss in (paper, released)
    ]
    assert found[0] < 1e-5
    assert found[1] > 1e-3


def test_the_sum_over_pixels_is_the_mean_times_their_number():
    logits, image = torch.randn(2, 1, 1, 40, 40), torch.randn(2, 1, 3, 40, 40)
    mean, total = (
        LocalSaliencyCoherenceLoss(border='ignore', reduction=how)({'logits': logits}, FrameTargets(inputs=image))
        for how in ('mean', 'sum')
    )
    torch.testing.assert_close(total, mean * 100)


def test_dcfm_draws_groups_in_random_order_and_counts_positive_attention_only():
    paper, released = (config(DCFM.format(name)) for name in ('paper', 'released'))
    assert paper.train_dataloader.sampler.shuffle
    assert not released.train_dataloader.sampler.shuffle
    necks = [model(DCFM.format(name)).neck for name in ('paper', 'released')]
    attention = torch.tensor([[0.1, 3.0, -1.0, 0.0]])
    weights = [readjustment(attention, neck.alpha, neck.zero_counts).tolist() for neck in necks]
    assert weights == [[[8.0, 1.0, 1.0, 1.0]], [[8.0, 1.0, 1.0, 27.0]]]


def test_both_forms_of_the_mask_guided_loss_train_alike():
    """The same network under both, scaled to a batch of 2 images of 6 x 6: equal weights after 200 steps, decay included."""
    size, weights = 2 * 6 * 6, []
    images = torch.randn(2, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = FrameTargets(
        saliency=torch.rand(2, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    )
    whole = 64 * 500 * 500
    for name in ('paper', 'paper-summed-loss'):
        read = config(GUIDED.format(name))
        given = dict(read.model.losses.error)
        optimiser = {k: v for k, v in read.optim_wrapper.optimizer.items() if k != 'type'}
        if given['reduction'] == 'mean':
            optimiser |= dict(lr=optimiser['lr'] * size / whole, weight_decay=optimiser['weight_decay'] * whole / size)
        # The paper's rate is for millions of pixels: with few, a larger one shows the decay.
        optimiser['lr'] *= 1e6
        torch.manual_seed(0)
        layer = torch.nn.Conv2d(3, 1, 3, padding=1).double()
        steps = torch.optim.SGD(layer.parameters(), **optimiser)
        loss = SquaredErrorLoss(reduction=given['reduction'])
        for _ in range(200):
            steps.zero_grad()
            loss({'logits': layer(images).unsqueeze(1)}, targets).backward()
            steps.step()
        weights.append(layer.weight.detach())
    torch.testing.assert_close(*weights, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(('project', 'lines'), [
    ('scwssod', ['random cropping', 'outside the image', 'eq. 4.3 sums', 'Nesterov', 'scribbles']),
    ('dcfm', ['order of the groups', 'attention of exactly 0', 'overlap loss', 'two layers', 'backbone', 'epsilon',
              'tie for seed', 'files', 'choice of the model']),
    ('mask_guided_fcn', ['decay 5e-4 / (64 x 250,000)', 'lambda3']),
])  # fmt: skip
def test_every_difference_between_paper_and_release_is_a_line_of_the_page(project, lines):
    page = (ROOT / 'projects' / project / 'README.md').read_text()
    assert [line for line in lines if line not in page] == []
