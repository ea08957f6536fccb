"""Protocols and columns that are named in place of a config's."""

import pytest
from mmengine.config import Config

from salseg.engine.evaluators import choose_protocols, protocol_names
from salseg.errors import ConfigError, UnknownName
from salseg.evaluation.metrics.base import SetMetric
from salseg.registry import METRICS

VIDEOS = dict(type='VideoSaliencyMetric', protocol=['vsod', 'davis16', 'fbms'], columns=['mae', 'J_mean'])


def chosen(evaluator, protocols=(), columns=()):
    config = Config(dict(test_evaluator=evaluator))
    choose_protocols(config, protocols, columns)
    return config.test_evaluator


def test_named_protocols_have_their_own_columns():
    node = chosen(VIDEOS, ['vsod', 'davis16'])
    assert node.protocol == ['vsod', 'davis16']
    assert 'columns' not in node


def test_named_columns_choose_those_of_the_configs_protocols_that_have_one():
    assert chosen(VIDEOS, columns=['mae']).protocol == ['vsod']
    assert chosen(VIDEOS, columns=['F_mean']).protocol == ['davis16', 'fbms']
    assert chosen(VIDEOS, columns=['all']).protocol == ['vsod', 'davis16', 'fbms']


def test_nothing_named_changes_nothing():
    assert chosen(VIDEOS) == VIDEOS


def test_a_metric_of_somebodys_own_is_left_as_it_is():
    class Own(SetMetric):
        """Without protocols."""

    with Registered(Own):
        nodes = chosen([dict(type='Own'), dict(type='SaliencyMetric')], ['cosod'])
        assert nodes == [dict(type='Own'), dict(type='SaliencyMetric', protocol=['cosod'])]
        with pytest.raises(ConfigError, match='has no test_evaluator with protocols'):
            chosen([dict(type='Own')], ['cosod'])


class Registered:
    """A class in the registry for a while."""

    def __init__(self, metric):
        self.metric = metric

    def __enter__(self):
        METRICS.register_module(module=self.metric)

    def __exit__(self, *_):
        METRICS.module_dict.pop(self.metric.__name__)


@pytest.mark.parametrize('evaluator', [None, []])
def test_a_config_without_evaluator_is_told_how_to_name_one(evaluator):
    with pytest.raises(ConfigError, match='test_evaluator.type=VideoObjectMetric'):
        chosen(evaluator, columns=['mae'])


@pytest.mark.parametrize(('protocols', 'columns', 'message'), [
    (['vsot'], [], "no protocol is called 'vsot'; did you mean vsod"),
    ([], ['maxf'], "there is no column 'maxf'; did you mean max_f"),
    (['vsod', 'davis16'], ['mae'], 'davis16 has no column of mae; it has J&F'),
])  # fmt: skip
def test_names_that_do_not_fit_are_said_with_near_ones(protocols, columns, message):
    with pytest.raises(UnknownName, match=message):
        chosen(VIDEOS, protocols, columns)


def test_protocols_of_an_evaluator_are_in_the_order_of_its_tables():
    assert protocol_names(VIDEOS) == ['vsod', 'davis16', 'fbms']
    assert protocol_names(dict(type='VideoSaliencyMetric')) == ['vsod', 'davis16']
    assert protocol_names(None) == []
