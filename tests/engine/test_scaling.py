"""A batch over several processes."""

import copy

import pytest
from mmengine.config import Config

from salseg.engine.scaling import fit_batch
from salseg.engine.train import train
from salseg.errors import ConfigError

WHOLE = dict(
    model=dict(losses=dict(
        a=dict(type='TemporalLoss', ramp_iterations=1001), none=None,
        b=dict(type='BootstrappedCrossEntropyLoss', start=20, end=70), c=dict(type='DiceLoss', start=5),
    )),
    train_dataloader=dict(batch_size=1, batch_sampler=dict(type='ResumableBatchSampler')),
    train_cfg=dict(max_iters=4001, val_interval=100),
    optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-4)),
    param_scheduler=[dict(type='MultiStepLR', milestones=[1000, 3001], by_epoch=False)],
    default_hooks=dict(checkpoint=dict(interval=500)),
)  # fmt: skip


def given(**options):
    return Config({**copy.deepcopy(WHOLE), **options})


def test_a_batch_that_divides_changes_nothing():
    config = given(train_dataloader=dict(batch_size=8), scale_batch='linear')
    before = copy.deepcopy(config.to_dict())
    assert fit_batch(config, 2) == '2 processes divide the batch of 8'
    assert config.to_dict() == before
    assert fit_batch(given(), 1) == ''


def test_a_batch_that_does_not_divide_needs_a_rule():
    with pytest.raises(
        ConfigError, match="1 per step .* does not divide over 2.*scale_batch='linear'.*multiplied by 2"
    ):
        fit_batch(given(), 2)
    with pytest.raises(ConfigError, match='4 per step'):
        fit_batch(given(train_dataloader=dict(batch_size=4)), 3)
    with pytest.raises(ConfigError, match='1 per step'):
        fit_batch(given(train_dataloader=dict(batch_size=8, batch_sampler=dict(sizes=(1, 8)))), 2)
    with pytest.raises(ConfigError, match="scale_batch='cubic'; expected None, 'linear' or 'sqrt'"):
        fit_batch(given(scale_batch='cubic'), 1)


@pytest.mark.parametrize(('rule', 'factor'), [('linear', 4), ('sqrt', 2)])
def test_a_rule_scales_rate_and_all_lengths_in_steps(rule, factor):
    config = given(scale_batch=rule)
    assert 'lengths in steps divided by 4' in fit_batch(config, 4)
    assert config.train_dataloader.batch_size == 4
    assert config.optim_wrapper.optimizer.lr == pytest.approx(factor * 1e-4)
    assert (config.train_cfg.max_iters, config.train_cfg.val_interval) == (1001, 25)
    assert list(config.param_scheduler[0].milestones) == [250, 751]
    assert config.default_hooks.checkpoint.interval == 125
    losses = config.model.losses
    assert (losses.a.ramp_iterations, losses.b.start, losses.b.end, losses.c.start) == (251, 5, 18, 5)
    again = copy.deepcopy(config.to_dict())
    fit_batch(config, 4)
    assert config.to_dict() == again, 'the config beside a run is scaled already'


def test_parts_of_an_alternating_batch_are_scaled_alike():
    sampler = dict(type='AlternatingBatchSampler', sizes=(1, 8))
    config = given(train_dataloader=dict(batch_size=8, batch_sampler=sampler), scale_batch='linear')
    fit_batch(config, 2)
    assert (config.train_dataloader.batch_size, tuple(config.train_dataloader.batch_sampler.sizes)) == (16, (2, 16))


def test_a_training_of_so_many_epochs_ends_there_and_its_schedule_with_it(tiny_config, tmp_path):
    """Six images in steps of four: two epochs are three steps."""
    tiny_config.write_text(
        tiny_config.read_text()
        + "train_cfg = dict(type='PositionTrainLoop', max_epochs=2)\n"
        + "train_dataloader['batch_size'] = 4\n"
        + "param_scheduler = dict(type='TriangleLR', by_epoch=False)\n"
        + 'val_dataloader = val_evaluator = val_cfg = None\n'
    )
    runner = train(str(tiny_config), [], str(tmp_path / 'run'))
    assert (runner.iter, runner.max_iters) == (3, 3)
    assert runner.param_schedulers[0].total == 3


def test_a_training_without_length_is_refused(tiny_config, tmp_path):
    with pytest.raises(ConfigError, match='max_iters=None, max_epochs=None; give one of them'):
        train(str(tiny_config), ['train_cfg.max_iters=None'], str(tmp_path / 'run'))
    with pytest.raises(ConfigError, match=r'train_cfg\.max_epochs is 0; expected a number above 0'):
        train(str(tiny_config), ['train_cfg.max_iters=None', 'train_cfg.max_epochs=0'], str(tmp_path / 'run'))
