import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from salseg.catalog import list_configs
from salseg.engine.config import load_config, trace_origins
from salseg.engine.config.loading import parse_options
from salseg.engine.config.origin import find_origin, inheritance
from salseg.engine.train import fill_schedules
from salseg.errors import ConfigError, UnknownKey, UnknownName

ROOT = Path(__file__).resolve().parents[2]


def write(tmp_path, text, name='own.py'):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.core()
def test_a_misspelt_key_names_itself_the_nearest_one_and_the_line_that_set_it(tiny_config, tmp_path):
    own = write(
        tmp_path,
        "_base_ = './tiny.py'\nmodel = dict(\n    losses=dict(\n        lsc=dict(sigma_colour=0.1),\n    ),\n)\n",
    )
    with pytest.raises(UnknownKey) as error:
        load_config(str(own))
    message = str(error.value)
    assert 'model.losses.lsc.sigma_colour is no argument of LocalSaliencyCoherenceLoss' in message
    assert 'did you mean sigma_position or sigma_image?' in message
    assert 'It takes: border, on, radius, ramp_iterations, reduction, scale, sigma_image' in message
    assert f'{own}:4' in message


@pytest.mark.parametrize(
    ('option', 'expected'),
    [
        ('model.losses.lsc.wieght=0', 'did you mean weight'),
        ('train_dataloader.batchsize=3', 'did you mean batch_size'),
        ('model.backbon.depth=50', 'did you mean backbone'),
        ('default_hooks.chekpoint.interval=3', 'did you mean checkpoint'),
        ('train_cfg.max_iter=3', 'did you mean max_iters'),
        ('optim_wrapper.optimizer.learning_rate=1', 'is no argument of SGD'),
        ('train_dataloader.dataset.pipeline.2.szie=3', 'did you mean size'),
        ('randomness.sed=3', 'did you mean seed'),
        ('train_dataloder.batch_size=3', 'did you mean train_dataloader'),
        ('data_rooot=3', 'is no argument of the top level of a config'),
    ],
)
def test_a_misspelt_option_is_refused_by_name(tiny_config, option, expected):
    with pytest.raises(ConfigError) as error:
        load_config(str(tiny_config), [option])
    assert expected in str(error.value)
    assert '--cfg-options' in str(error.value)


@pytest.mark.parametrize('value', ['foo', 3])
@pytest.mark.parametrize(
    'key',
    [
        'model', 'model.backbone', 'model.head', 'model.data_preprocessor', 'model.losses', 'model.losses.new',
        'model.extra_passes.new', 'train_dataloader', 'train_dataloader.dataset', 'train_dataloader.sampler',
        'train_dataloader.dataset.pipeline', 'test_dataloader.batch_sampler', 'optim_wrapper', 'optim_wrapper.optimizer',
        'optim_wrapper.paramwise_cfg', 'train_cfg', 'test_cfg', 'default_hooks', 'default_hooks.checkpoint', 'custom_hooks',
        'param_scheduler', 'test_evaluator', 'visualizer', 'log_processor', 'randomness', 'env_cfg', 'custom_imports',
    ],
)  # fmt: skip
def test_a_word_or_a_number_in_place_of_a_part_is_refused_by_name(tiny_config, key, value):
    with pytest.raises(ConfigError, match=rf'^{re.escape(key)} is {value!r}; expected dict') as error:
        load_config(str(tiny_config), {key: value})
    assert 'set in' in str(error.value)


def test_a_word_among_parts_is_refused_by_its_place(tiny_config):
    steps = load_config(str(tiny_config)).train_dataloader.dataset.pipeline
    for key, place in (('custom_hooks', 'custom_hooks.1'), ('train_dataloader.dataset.pipeline', 'pipeline.1')):
        with pytest.raises(ConfigError, match=rf"{re.escape(place)} is 'Normalise'; expected dict"):
            load_config(str(tiny_config), {key: [steps[0], 'Normalise']})


def test_an_option_that_a_constructor_takes_is_accepted_though_no_file_names_it(tiny_config):
    assert load_config(str(tiny_config), ['model.losses.lsc.radius=3']).model.losses.lsc.radius == 3


def test_a_misspelt_type_names_its_place_and_near_names(tiny_config):
    with pytest.raises(
        UnknownName, match=r"model.backbone.type: 'ResNt'(.|\n)*ResNet \(backbone\)(.|\n)*--cfg-options"
    ):
        load_config(str(tiny_config), ['model.backbone.type=ResNt'])


def test_an_option_without_a_value_is_explained(tiny_config):
    with pytest.raises(ConfigError, match='write key=value'):
        load_config(str(tiny_config), ['model.losses.lsc.weight'])


def test_a_missing_config_and_an_unknown_model_say_what_there_is(tmp_path):
    with pytest.raises(ConfigError, match='does not exist'):
        load_config(str(tmp_path / 'none.py'))
    with pytest.raises(UnknownName, match='Nearest: salseg-demo'):
        load_config('salseg-dmo')
    with pytest.raises(ConfigError, match='is no folder of a run'):
        load_config(str(tmp_path))


def test_a_syntax_error_names_file_and_line(tmp_path):
    own = write(tmp_path, 'a = 1\nb = (\n')
    with pytest.raises(ConfigError, match=r'own.py:2 is no valid Python'):
        load_config(str(own))


def test_a_missing_base_and_a_circle_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'nowhere.py does not exist'):
        load_config(str(write(tmp_path, "_base_ = './nowhere.py'\n")))
    write(tmp_path, "_base_ = './b.py'\n", 'a.py')
    write(tmp_path, "_base_ = './a.py'\n", 'b.py')
    with pytest.raises(ConfigError, match='a.py -> b.py -> a.py'):
        inheritance(tmp_path / 'a.py')


# Pythons differ in how deep they read, and in who says so.
TOO_DEEP = r'own\.py (holds an expression that is nested too deeply|is no valid Python|cannot be read)'


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        (b'_base_ = 3', r':1: _base_ is 3; .*plain text'),
        (b'_base_ = {[]: 1}', r':1: _base_ is .*plain text'),
        (b"_base_ = [1, 'x.py']", r':1: _base_ is .*plain text'),
        (b"_base_ = ''", r':1: _base_ is .*plain text'),
        (b"_base_ = '.'", r'cannot be read: .*directory'),
        (b"x = '\xff'", r'own\.py is no text in UTF-8'),
        (b'x = (', r'own\.py:1 is no valid Python'),
        (b'\x00', r'own\.py:1 is no valid Python'),
        (b'import nothing_at_all', r'own\.py: an import failed: .*nothing_at_all'),
        (b"raise RuntimeError('mine')", r'own\.py cannot be read: RuntimeError: mine'),
        (b'x = 1 / 0', r'own\.py cannot be read: ZeroDivisionError'),
        pytest.param(b'x = ' + b'-' * 20000 + b'1', TOO_DEEP, id='many signs'),
        pytest.param(b'x = ' + b'+'.join([b'1'] * 20000), TOO_DEEP, id='many terms'),
        pytest.param(b'_base_ = ' + b'+'.join([b'1'] * 900), r':1: _base_ is .*plain text', id='base of many terms'),
    ],
)
def test_a_broken_config_file_is_named_with_what_is_wrong(text, said, tmp_path):
    (tmp_path / 'own.py').write_bytes(text + b"\nmodel = dict(type='X')\n")
    with pytest.raises(ConfigError, match=said):
        load_config(str(tmp_path / 'own.py'))


def test_a_computed_base_is_refused_with_its_line(tmp_path):
    path = write(tmp_path, "folder = '..'\n_base_ = f'{folder}/tiny.py'\n")
    with pytest.raises(ConfigError, match=r':2: _base_ is .*plain text'):
        load_config(str(path))


@pytest.mark.core()
def test_origins_follow_the_last_file_that_set_a_value(tiny_config, tmp_path):
    own = write(tmp_path, "_base_ = './tiny.py'\nmodel = dict(losses=dict(lsc=dict(weight=0.5)))\n")
    origins = trace_origins(own, {'model.losses.ssc.alpha': 0.5})
    assert str(origins['model.losses.lsc.weight']) == f'{own}:2'
    assert origins['model.losses.lsc.type'].file == str(tiny_config)
    assert str(origins['model.losses.ssc.alpha']) == '--cfg-options'
    assert find_origin(origins, 'default_hooks.timer.type').file.endswith('default_runtime.py')


@pytest.mark.skipif(not (ROOT / 'projects/scwssod').is_dir(), reason='the plugin projects/scwssod is not there')
def test_print_config_shows_the_place_of_every_value():
    done = subprocess.run(
        [sys.executable, 'tools/misc/print_config.py', 'scwssod', '--origin'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith('model.losses.pce.form'))
    assert 'scwssod_r50_released_duts-scribble-320.py:' in line
    line = next(line for line in done.stdout.splitlines() if line.startswith('model.neck.width'))
    assert '_base_/scwssod_r50.py:' in line


@pytest.mark.core()
@pytest.mark.parametrize('path', list_configs(), ids=lambda path: path.stem)
def test_every_config_passes_the_check(path):
    assert load_config(str(path)).model.type


@pytest.mark.parametrize('path', [p for p in list_configs() if '_released-' in p.stem], ids=lambda path: path.stem)
def test_an_ablation_is_at_most_eight_lines(path):
    assert len(path.read_text().splitlines()) <= 8


@pytest.mark.core()
def test_a_schedule_without_a_length_lasts_as_long_as_the_training():
    config = Config(
        dict(
            train_cfg=dict(max_iters=70),
            param_scheduler=[dict(type='TriangleLR'), dict(type='CosineAnnealingLR', T_max=9), dict(type='LinearLR')],
        )
    )
    fill_schedules(config)
    triangle, cosine, linear = config.param_scheduler
    assert triangle.total == 70
    assert cosine.T_max == 9
    assert 'total' not in linear
    assert 'T_max' not in linear


def test_values_of_options_may_be_dicts_and_lists_of_dicts():
    texts = [
        'a={"x": 1, "y": [2, 3]}',
        'b=[{"type": "A", "size": (1, 2)}]',
        'c=[backbone,neck]',
        'd=1,2',
        'e=None',
        'f=a',
    ]
    assert parse_options(texts) == {
        'a': {'x': 1, 'y': [2, 3]},
        'b': [{'type': 'A', 'size': (1, 2)}],
        'c': ['backbone', 'neck'],
        'd': [1, 2],
        'e': None,
        'f': 'a',
    }
    with pytest.raises(ConfigError, match=r'my data,b.* is no value that can be read'):
        parse_options(['a=[my data,b]'])


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('a=my data', 'my data'),
        ('a="x, y"', 'x, y'),
        ("a='1'", '1'),
        ('a= 1, 2', [1, 2]),
        ("a=it's", "it's"),
        ('a.data_root=a,b (2)', 'a,b (2)'),
        ('a.data_root=2024', '2024'),
        ('load_from=None', None),
    ],
)
def test_a_text_stays_as_it_was_typed(text, value):
    assert list(parse_options([text]).values()) == [value]


def test_calls_of_dict_are_values_and_other_calls_are_refused():
    calls = ["a=dict(type='A', b=dict(c=1), d=[dict(e=(1, 2))])", 'b=dict()']
    assert parse_options(calls) == {'a': {'type': 'A', 'b': {'c': 1}, 'd': [{'e': (1, 2)}]}, 'b': {}}
    with pytest.raises(ConfigError, match='no value that can be read'):
        parse_options(['a=dict(x=open("y"), z=1)'])
    assert list(parse_options(['a=1', 'b=2', 'a=[3]']).items()) == [('b', 2), ('a', [3])]
    with pytest.raises(ConfigError, match='never closed'):
        parse_options(["a={'b':"])


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (
            ['model.input_type=clip'],
            r"model.input_type='clip' \(SaliencySegmentor\), but an item of val_dataloader.dataset \(SyntheticImages\) is of "
            r"the type 'image': set model.input_type='image', or choose another data set",
        ),
        (
            ['test_dataloader.dataset={"_delete_": True, "type": "GroupDataset", "data_root": "x"}'],
            r"model.input_type='image' .* test_dataloader.dataset \(GroupDataset\) is of the type 'group': choose another",
        ),
        (['model.input_type=clips'], r"model.input_type='clips': a SaliencySegmentor takes 'image' or 'clip'"),
    ],
)
def test_a_model_and_a_test_set_of_other_input_types_are_refused(tiny_config, options, expected):
    with pytest.raises(ConfigError, match=expected):
        load_config(str(tiny_config), options)


def test_every_test_set_of_several_is_looked_at(tiny_config, tmp_path):
    sets = "[dict(type='SyntheticImages', length=2), dict(type='VideoSaliencyDataset', data_root='x')]"
    several = f"dict(_delete_=True, type='ConcatDataset', datasets={sets})"
    own = write(tmp_path, f"_base_ = './tiny.py'\ntest_dataloader = dict(dataset={several})\n")
    with pytest.raises(
        ConfigError, match=r'test_dataloader.dataset.datasets\[1\] \(VideoSaliencyDataset\)(.|\n)*own.py:2'
    ):
        load_config(str(own))


def test_one_key_chooses_the_estimator_of_flow_in_every_pipeline():
    name = 'projects/rcrnet/configs/fgplg_r50_released_video-sets-l5-448.py'
    if not (ROOT / name).is_file():
        pytest.skip('the project rcrnet is not here')

    def estimators(options):
        config = load_config(name, options)
        pipelines = (config.train_dataloader.dataset.pipeline, config.generate_pipeline)
        return [dict(step.estimator) for steps in pipelines for step in steps if step.type == 'ComputeFlow']

    assert estimators(None) == [dict(type='DISFlow', preset='medium')] * 2
    assert estimators(['flow_estimator=farneback']) == [dict(type='FarnebackFlow')] * 2
    assert estimators(['flow_estimator.preset=fast']) == [dict(type='DISFlow', preset='fast')] * 2
    # As a whole: the keys of the class before are gone, and commas inside the call are no list.
    assert (
        estimators(["flow_estimator=dict(type='FarnebackFlow', levels=3)"])
        == [dict(type='FarnebackFlow', levels=3)] * 2
    )
    with pytest.raises(ConfigError, match="'flownet'; expected dis, farneback"):
        estimators(['flow_estimator=flownet'])
    with pytest.raises(UnknownKey, match='levls is no argument of FarnebackFlow'):
        estimators(["flow_estimator=dict(type='FarnebackFlow', levls=3)"])
    with pytest.raises(ConfigError, match='no pipeline of this config has ComputeFlow'):
        load_config('scwssod-lite', ['flow_estimator=dis'])
