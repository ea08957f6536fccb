"""Model cards: complete, labelled, and true where a metric can be counted again."""

import hashlib
import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from salseg.apis.row_pages import paper_results, results
from salseg.apis.rows import COSTS, read_rows, registered_projects
from salseg.catalog import (
    DEMO,
    config_of,
    list_configs,
    list_models,
    model_cards,
    published_weights,
    shipped_weights,
)
from salseg.cli.main import main
from salseg.engine.config import load_config
from salseg.registry import METRICS, MODELS
from tests.needs import ROOT, needs_project
from tests.scripts import load_script

FIELDS = ('Task', 'Supervision', 'Paper', 'Source', 'Licence', 'Config', 'Description', 'Parameters', 'MultiplyAdds')
FIELDS += ('Input type', 'Input', 'Preprocessing', 'TrainingData', 'Hardware', 'Weights', 'Results')
TASKS = {'SOD', 'CoSOD', 'VSOD', 'VOS'}
KINDS = {'paper', 'converted', 'reproduced here'}
OF_OUR_OWN = ('Set', 'Train', 'Seeds', 'Hardware', 'Command')
PUBLISHED = ('scwssod', 'dcfm', 'mask-guided-fcn', 'rcrnet', 'rcrnet-ner', 'fgplg', 'contrastive-vsod', 'npmca-net')
PUBLISHED += ('xmem', 'xmem-boxes')
NAMES = [name for name in list_models() if Path(model_cards()[name]['Folder']).parent.name == 'projects']
SHIPPED = [name for name in list_models() if 'Checkpoint' in model_cards()[name]]
# Sets of models that come with the package, and how many images each has.
SHIPPED_SETS = {'synthetic test split': 64, 'ECSSD-110': 110, 'cows-16': 16}


def tool(name):
    return load_script(ROOT / f'tools/analysis_tools/{name}.py')


@pytest.fixture(scope='module')
def metrics():
    return tool('card_costs')


@pytest.mark.parametrize('name', NAMES)
def test_a_card_says_what_it_must(name):
    card = model_cards()[name]
    missing = [field for field in FIELDS if field not in card or card[field] in (None, '')]
    assert not missing
    assert card['Task'] in TASKS
    assert config_of(name).is_file()
    assert {'Backbone', 'Trained'} <= set(card['Weights'])


@pytest.mark.parametrize('name', NAMES)
def test_every_figure_says_where_it_comes_from(name):
    for result in model_cards()[name]['Results']:
        assert result['Kind'] in KINDS
        assert result['Set']
        measured = {key: value for key, value in result.items() if _numbers(value) and key not in ('Seeds', 'Columns')}
        assert measured, f'{name}: {result["Set"]} has no metric'
        if result['Kind'] == 'reproduced here':
            assert not [field for field in OF_OUR_OWN if not result.get(field)]
            script = shlex.split(result['Command'])[1]
            assert (ROOT / script).is_file()


@cache
def printed_by(config, options=()):
    """Columns of the tables of a config's test, by protocol."""
    evaluator = load_config(str(config), list(options)).test_evaluator
    return {rules.name: set(rules.columns) for rules in METRICS.build(evaluator).protocols}


@pytest.mark.parametrize('name', NAMES)
def test_a_number_of_a_paper_names_its_table_and_a_protocol_and_column_that_a_config_prints(name):
    card = model_cards()[name]
    for result in (result for result in card['Results'] if result['Kind'] != 'reproduced here'):
        assert result.get('From'), f'{result}: which table?'
        numbers = {key for key, value in result.items() if isinstance(value, float | int)}
        assert numbers == set(result['Columns']), f'{result}: which column is each of {numbers} to be compared with?'
        own = {'davis16': 'configs/xmem_r50_masks_davis16-480.py'}.get(result['Protocol'], card['Config'])
        config = config_of(name).parents[1] / result.get('Config', own)
        assert set(result['Columns'].values()) <= printed_by(config)[result['Protocol']], f'{config}: {result}'


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_published_model_has_the_papers_tables_if_the_paper_has_any_of_it(name):
    needs_project(_folder(name))
    card = model_cards()[name]
    found = paper_results(card)
    # Stages whose results no table has.
    assert bool(found) == (name not in ('rcrnet', 'fgplg'))
    for result in found:
        one = result.tested
        assert result.row.table
        assert len(result.numbers) == len(one.columns) == len(one.labels) > 0
        if one.protocol != COSTS and not one.cannot:
            printed = printed_by(config_of(name).parent / f'{one.config or result.config}.py', one.options)
            assert set(one.columns) <= printed[one.protocol], str(result)


@pytest.mark.parametrize('project', registered_projects())
def test_every_number_of_a_register_is_on_the_card_of_one_model(project):
    cards = [card for card in model_cards().values() if Path(card['Folder']).name == project]
    shown = [str(result) for card in cards for result in paper_results(card)]
    assert sorted(shown) == sorted(map(str, results(read_rows(project))))


@pytest.mark.parametrize('name', NAMES)
def test_costs_of_a_paper_name_their_place(name):
    card = model_cards()[name]
    in_tables = {n for result in paper_results(card) if result.tested.protocol == COSTS for n in result.numbers}
    for field in (field for field in card if field.startswith('PaperCosts')):
        assert card[field]['From']
        numbers = {v for key, v in card[field].items() if isinstance(v, int | float) and key != 'Frames'}
        assert numbers
        assert not in_tables or numbers <= in_tables, f'{name}: {numbers - in_tables} are in no table of the paper'


@pytest.mark.parametrize('name', NAMES)
def test_the_iterations_of_a_result_are_those_of_its_command(name):
    for result in model_cards()[name]['Results']:
        stated = re.findall(r'(\d+) iterations', result.get('Train', ''))
        if not stated:
            continue
        words = shlex.split(result['Command'])
        script = (ROOT / words[1]).read_text(encoding='utf-8')
        defaults = dict(re.findall(r"'(--(?:\w+-)?iterations)', type=int, default=(\d+)", script))
        given = {word: value for word, value in pairwise(words) if word in defaults}
        assert stated[0] in {**defaults, **given}.values(), f'{name}: {result["Command"]}'


def test_the_interval_of_the_small_generator_is_that_of_its_config():
    needs_project('rcrnet')
    interval = load_config(str(config_of('fgplg-lite'))).train_dataloader.dataset['label_interval']
    assert f'every {interval}th label' in model_cards()['fgplg-lite']['TrainingData']
    assert f'every {interval}th' in model_cards()['fgplg-lite']['Results'][0]['Train']


@pytest.mark.parametrize('name', SHIPPED)
def test_the_card_of_shipped_weights_describes_the_file_and_the_network(name, metrics):
    card, weights = model_cards()[name], shipped_weights(name)
    assert card['Task'] in TASKS
    assert all(card[field] for field in ('Supervision', 'Licence', 'Description', 'Training data', 'Hardware'))
    assert card['Weights']['Bytes'] == weights.stat().st_size
    assert card['Weights']['SHA256'] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert card['Parameters'] == metrics.count(name)['Parameters']
    assert f"'size': {card['Input'].split('x')[0]}" in str(load_config(str(config_of(name))).to_dict())


@pytest.mark.parametrize('name', SHIPPED)
def test_the_command_of_shipped_weights_is_one(name):
    card = model_cards()[name]
    python, script, *words = shlex.split(card['Command'])
    assert python == 'python'
    text = (ROOT / script).read_text(encoding='utf-8')
    assert not [word for word in words if word.startswith('--') and f"'{word}'" not in text]
    assert f'--seed {card["Seed"]}' in card['Command']


@pytest.mark.parametrize('name', SHIPPED)
def test_metrics_of_shipped_weights_say_on_what_they_were_seen(name):
    results = model_cards()[name]['Results']
    assert {result['Set']: result['images'] for result in results} == SHIPPED_SETS
    for result in results:
        assert result['Kind'] in KINDS
        measured = {key: value for key, value in result.items() if key not in ('Kind', 'Set', 'images')}
        assert measured
        assert all(0 < value < 1 for value in measured.values())


def _numbers(value):
    values = value.values() if isinstance(value, dict) else [value]
    return all(isinstance(v, int | float) for v in values)


@pytest.mark.parametrize('name', NAMES)
def test_parameters_and_multiply_adds_are_those_of_the_network(name, metrics):
    card, counted = model_cards()[name], metrics.count(name)
    assert card['Parameters'] == counted['Parameters']
    assert card['MultiplyAdds']['G'] == pytest.approx(counted['G'], rel=2e-3)


@pytest.mark.parametrize('name', [name for name in NAMES if 'Converter' in model_cards()[name]])
def test_the_command_of_the_converter_is_one(name):
    command = shlex.split(model_cards()[name]['Weights']['ConverterCommand'])
    assert command == ['python', 'tools/model_converters/convert_official.py', name, 'SOURCE', 'TARGET']
    assert (ROOT / command[1]).is_file()
    folder, module = model_cards()[name]['Converter'].split('.')[1:]
    assert 'def convert(' in (ROOT / 'projects' / folder / f'{module}.py').read_text()


@pytest.mark.parametrize('name', NAMES)
def test_preprocessing_and_size_are_those_of_the_config(name):
    card, config = model_cards()[name], load_config(str(config_of(name)))
    mean = config.model.get('data_preprocessor', {}).get('mean')
    assert ('127' in str(card['Preprocessing'])) == (mean is not None and tuple(mean) == (127.0,) * 3)
    size = re.match(r'(\d+)x\1\b', str(card['Input']).removeprefix('clips of 4 frames, '))
    if size:
        assert f"'size': {size.group(1)}" in str(config.to_dict())


@pytest.mark.parametrize('name', [*NAMES, *SHIPPED])
def test_the_input_type_is_that_of_the_model(name):
    model = load_config(str(config_of(name))).model
    assert model_cards()[name]['Input type'] == MODELS.get(model.type).take_input_type(model.get('input_type'))


def test_a_saliency_model_says_itself_whether_it_takes_images_or_clips():
    models = [load_config(str(path), check=False).model for path in list_configs()]
    assert {'image', 'clip'} == {model.get('input_type') for model in models if model.type == 'SaliencySegmentor'}


@pytest.mark.parametrize('weights', published_weights(), ids=lambda weights: weights.name)
def test_published_weights_say_what_a_user_must_know(weights):
    card = model_cards()[weights.model]
    assert re.fullmatch(r'[\w.-]+', weights.label)
    assert all(re.match('https?://', address) for address in (weights.address, weights.page))
    assert weights.licence
    assert 'Converter' in card
    parameters = card.get('ParametersOfTheCheckpoint', card['Parameters'])
    assert weights.size == pytest.approx(4 * parameters, rel=0.05)
    assert all(0 < value < 1 for value in weights.metrics.values())
    assert weights.name in (ROOT / 'docs/en/weights.md').read_text(encoding='utf-8')
    # What is asked of the model is an argument of it.
    load_config(str(config_of(weights.model)), weights.options)


def test_the_published_names_are_all_there():
    found = [name for name in PUBLISHED if (ROOT / 'projects' / _folder(name)).is_dir()]
    assert not [name for full in found for name in (full, f'{full}-lite') if name not in NAMES]


def _folder(name):
    folders = {'rcrnet-ner': 'rcrnet', 'fgplg': 'rcrnet', 'xmem-boxes': 'xmem'}
    return folders.get(name, name.replace('-', '_'))


def test_info_prints_the_papers_numbers_with_protocol_and_column(capsys):
    needs_project('scwssod')
    assert main(['info', 'scwssod']) == 0
    text = capsys.readouterr().out
    assert 'HKU-IS, protocol sod: mean F 0.8962 (compare with column adaptive_f), mean E 0.9376 (compare with ' in text
    assert 'PaperRows' not in text


def test_info_prints_the_card(capsys):
    name = NAMES[0]
    assert main(['info', name]) == 0
    text, card = capsys.readouterr().out, model_cards()[name]
    for word in (card['Task'], 'Input type', card['Licence'].split()[0], str(card['Parameters']), str(config_of(name))):
        assert word in text
    assert str(card['MultiplyAdds']['G']) in text


@pytest.mark.parametrize(
    'path', [*sorted(ROOT.glob('projects/*/metafile.yml')), DEMO], ids=lambda path: path.parent.name
)
def test_a_card_is_plain_yaml_of_models(path):
    content = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    assert [model['Name'] for model in content['Models']]
