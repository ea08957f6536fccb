"""Parameter groups: few, of the config's constructor, and said where they are many."""

import pytest
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from salseg.catalog import list_configs
from salseg.engine.config import load_config
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare
from salseg.errors import UnknownName
from salseg.registry import OPTIM_WRAPPER_CONSTRUCTORS

OWN = 'GroupedOptimWrapperConstructor'


def groups_and_log(tiny_config, folder, **changes):
    """Parameter groups of the tiny run, and what its log says."""
    config = load_config(str(tiny_config))
    for key, value in changes.items():
        config.optim_wrapper.pop(key) if value is None else config.optim_wrapper.update({key: value})
    prepare(config, str(folder), 'none', amp=False)
    config.experiment_name = folder.name
    runner = SalRunner.from_cfg(config)
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    parameters = [p for p in runner.model.parameters() if p.requires_grad]
    (log,) = folder.glob('*/*.log')
    return wrapper.optimizer.param_groups, parameters, log.read_text()


def test_an_optimiser_has_a_group_for_each_rate_and_holds_every_parameter_once(tiny_config, tmp_path):
    groups, parameters, log = groups_and_log(tiny_config, tmp_path / 'own')
    assert sorted(group['lr'] for group in groups) == pytest.approx([0.001, 0.01])
    assert sorted(id(p) for group in groups for p in group['params']) == sorted(id(p) for p in parameters)
    assert 'WARNING' not in log


def test_without_a_constructor_mmengine_makes_many_groups_and_the_log_says_so(tiny_config, tmp_path):
    groups, parameters, log = groups_and_log(tiny_config, tmp_path / 'theirs', constructor=None)
    assert len(groups) == len(parameters) > 20
    assert 'WARNING - optim_wrapper has no constructor: mmengine makes a parameter group of every' in log
    assert f"optim_wrapper.constructor='{OWN}'" in log


def test_without_rates_of_parts_mmengine_makes_one_group_and_the_log_is_silent(tiny_config, tmp_path):
    groups, parameters, log = groups_and_log(tiny_config, tmp_path / 'plain', constructor=None, paramwise_cfg=None)
    assert [len(group['params']) for group in groups] == [len(parameters)]
    assert 'WARNING' not in log


def test_mmengine_keeps_its_own_name():
    assert OPTIM_WRAPPER_CONSTRUCTORS.get('DefaultOptimWrapperConstructor') is DefaultOptimWrapperConstructor
    assert OPTIM_WRAPPER_CONSTRUCTORS.get(OWN)(dict(optimizer=dict(type='SGD', lr=1.0)))(nn.Linear(2, 2))


def test_an_unknown_constructor_is_refused_before_anything_is_built(tiny_config):
    with pytest.raises(UnknownName, match=f'optim_wrapper.constructor: .*(.|\\n)*{OWN}(.|\\n)*--cfg-options'):
        load_config(str(tiny_config), ['optim_wrapper.constructor=GroupedOptimWraperConstructor'])


@pytest.mark.parametrize('path', list_configs(), ids=lambda path: path.stem)
def test_every_recipe_names_the_constructor(path):
    assert load_config(str(path), check=False).optim_wrapper.constructor == OWN
