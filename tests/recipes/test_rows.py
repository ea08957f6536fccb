"""The registers of rows: what distinguishes a row is there on what its config builds, and no config is left out."""

import gc
from functools import cache, lru_cache
from pathlib import Path

import pytest
from torch import nn

from salseg.apis import init_model
from salseg.apis.row_pages import BEGIN, END
from salseg.apis.rows import COSTS, Distinct, read_register, read_rows, registered_projects
from salseg.cli import main
from salseg.datasets.concat import ConcatDataset
from salseg.datasets.synthetic.published import draw_sets
from salseg.engine.config import load_config
from salseg.engine.config.loading import parse_options
from salseg.errors import ConfigError
from salseg.evaluation.protocols import PROTOCOLS
from salseg.registry import DATASETS, METRICS
from tests.needs import ROOT

PROJECTS = registered_projects()
REGISTERS = {project: read_rows(project) for project in PROJECTS}
ROWS = [(project, row) for project in PROJECTS for row in REGISTERS[project].rows]
TRAINED = [(project, row) for project, row in ROWS if row.config]


def name(value):
    return value if isinstance(value, str) else value.key.replace(' ', '_')


@pytest.fixture(scope='module', autouse=True)
def below_drawn_sets(tmp_path_factory):
    """Sets are drawn below the working folder once for all rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp('drawn'))
        yield
    for kept in (network, dataset):
        kept.cache_clear()
    gc.collect()


def resolved(project, stem, options=()):
    return load_config(str(REGISTERS[project].config_path(stem)), list(options))


def plain(node):
    return node.to_dict() if hasattr(node, 'to_dict') else dict(node)


# One network at a time: some have 150 million parameters.
@lru_cache(maxsize=1)
def network(project, stem, options):
    options = [option for option in options if not option.startswith('load_from=')]
    return init_model(str(REGISTERS[project].config_path(stem)), options=options, pretrained=False)


@cache
def dataset(project, stem, options, part):
    config = resolved(project, stem, options)
    node = plain(config.pseudo_label_datasets[0] if part == 'generator' else config[f'{part}_dataloader'].dataset)
    draw_sets(node, scale=0.1)
    return DATASETS.build(node)


def transforms(data):
    """Of a data set and of its parts."""
    if isinstance(data, ConcatDataset):
        return [step for part in data.datasets for step in transforms(part)]
    return data.transforms


def step_into(node, key):
    if key.isdigit():
        return node[int(key)]
    if isinstance(node, dict | nn.ModuleDict):
        return node[key]
    return getattr(node, key)


def built(project, row, entry):
    """What lies where an entry points: one value, or one for each transform of that name."""
    root, *keys = entry.where.split('.')
    if root == 'transform':
        kind, *keys = keys
        steps = [s for s in transforms(dataset(project, row.config, row.options, 'train')) if type(s).__name__ == kind]
        assert steps, f'no pipeline of {row.config} has a {kind}'
        nodes = steps
    elif root == 'config':
        nodes = [resolved(project, row.config, row.options)]
    elif root == 'model':
        nodes = [network(project, row.config, row.options)]
    elif root == 'generator_model':
        nodes = [network(project, row.generator, row.generator_options)]
    elif root == 'generator':
        nodes = [dataset(project, row.generator, row.generator_options, 'generator')]
    else:
        nodes = [dataset(project, row.config, row.options, root)]
    for key in keys:
        nodes = [step_into(node, key) for node in nodes]
    return nodes


def alike(there, value):
    """Keys of a mapping, the length of a list, the class of an object, or the value itself."""
    if isinstance(there, dict | nn.ModuleDict):
        return isinstance(value, list) and sorted(there) == sorted(value)
    if isinstance(there, nn.ModuleList) or (isinstance(there, list) and isinstance(value, int)):
        return len(there) == value
    if isinstance(value, str) and not isinstance(there, str | Path):
        return type(there).__name__ == value
    if isinstance(there, tuple | list) and isinstance(value, list):
        return list(there) == value
    return (str(there) if isinstance(there, Path) else there) == value and (there is None) == (value is None)


@pytest.mark.parametrize(('project', 'row'), TRAINED, ids=name)
def test_what_distinguishes_a_row_is_there_on_what_is_built(project, row):
    wrong = [
        f'{entry.where} is {there!r}, {entry.value!r} in {entry.source}'
        for entry in row.distinct
        for there in built(project, row, entry)
        if not alike(there, entry.value)
    ]
    assert wrong == []


@pytest.mark.parametrize('project', PROJECTS)
def test_a_deliberate_wrong_value_is_seen(project):
    row = next(row for row in REGISTERS[project].rows if row.config)
    entry = next(entry for entry in row.distinct if entry.where.startswith(('model.', 'train.')))
    wrong = Distinct(entry.where, ['another'] if isinstance(entry.value, list) else 'another', entry.source)
    assert not any(alike(there, wrong.value) for there in built(project, row, wrong))


@pytest.mark.parametrize('project', PROJECTS)
def test_no_two_rows_are_the_same_experiment(project):
    """Rows that share weights say so with same_as; of the others no two configs are equal in what trains and tests."""
    seen = {}
    for row in REGISTERS[project].rows:
        if row.config:
            config = plain(resolved(project, row.config, row.options))
            recipe = {key: config.get(key) for key in (
                'model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'test_dataloader', 'load_from',
            )}  # fmt: skip
            generator = plain(resolved(project, row.generator, row.generator_options)) if row.generator else None
            seen.setdefault(repr((recipe, generator)), []).append(row.key)
    assert [keys for keys in seen.values() if len(keys) > 1] == []


@pytest.mark.parametrize('project', PROJECTS)
def test_every_published_config_is_a_row_or_is_listed_with_a_reason(project):
    register = REGISTERS[project]
    there = {path.stem for path in (ROOT / 'projects' / project / 'configs').glob('*.py') if '_lite' not in path.stem}
    tests = {one.config for row in register.rows for one in row.sets}
    used = {stem for row in register.rows for stem in (row.config, row.generator)} | tests
    assert there - used == set(register.others)
    assert used - {''} <= there
    assert all(reason for reason in register.others.values())


@pytest.mark.parametrize(('project', 'row'), [pair for pair in ROWS if pair[1].published], ids=name)
def test_a_row_is_tested_with_its_prompt_and_protocol_on_the_sets_of_its_numbers(project, row):
    trained = REGISTERS[project].trained(row)
    for one in row.sets:
        assert one.protocol in {*PROTOCOLS, COSTS}
        if row.cannot or one.cannot or one.how or one.protocol == COSTS or one.name not in row.published:
            continue
        prompt = [f'test_dataloader.dataset.prompt={row.prompt}'] if one.config and row.prompt else []
        read = resolved(project, one.config or trained.config, [*(one.options or trained.options), *prompt])
        node = read.test_dataloader.dataset
        parts = node.get('datasets', [node])
        assert one.name in [part.get('name') or Path(part.data_root).name for part in parts]
        if row.prompt:
            assert node.get('prompt', 'mask') == row.prompt
        printed = {rules.name: rules.columns for rules in METRICS.build(read.test_evaluator).protocols}
        assert one.protocol in printed, f'{row.key}, {one.name}: the test prints {", ".join(printed)}'
        assert set(one.columns) <= set(printed[one.protocol])


@pytest.mark.parametrize('project', PROJECTS)
def test_a_column_is_one_that_the_protocol_has_and_has_a_name_in_the_paper(project):
    for row in REGISTERS[project].rows:
        for one in row.sets:
            if one.protocol != COSTS:
                assert set(one.columns) <= set(PROTOCOLS[one.protocol].all_columns), f'{row.key}, {one.name}'
            assert len(one.labels) == len(one.columns)


@pytest.mark.parametrize('project', PROJECTS)
def test_the_page_has_the_columns_and_the_papers_tables_as_the_command_prints_them(project, capsys):
    text = (ROOT / 'projects' / project / 'README.md').read_text()
    found = text[text.index(BEGIN.format(project)) : text.index(END.format(project)) + len(END.format(project))]
    assert main(['rows', project, '--page']) == 0
    printed = capsys.readouterr().out.strip()
    assert found == printed, f'salseg rows {project} --page prints other lines than the page has'
    for row in REGISTERS[project].rows:
        numbers = [number for values in row.published.values() for number in values]
        assert all(f'{number:g}' in printed for number in numbers)


def test_options_of_rows_are_read():
    assert all(parse_options(row.options) for _, row in TRAINED if row.options)


@pytest.mark.parametrize(('text', 'message'), [
    ('tables: 3', 'tables is 3; expected a list'),
    ('tables: [{table: 4.3, title: a}]', 'tables.0.table is 4.3; expected text'),
    ("tables: [{table: '1', title: a, labels: {mae: 3}, rows: []}]", 'labels.mae is 3; expected text'),
    ("tables: [{table: '1', title: a, rows: [{row: b}]}]", 'tables.0.rows.0 has none of config, same_as'),
    ("tables: [{table: '1', title: a, rows: [{row: b, cannot: c, colour: d}]}]", 'rows.0.colour is unknown'),
    ("tables: [{table: '1', title: a, rows: [{row: b, config: c}]}]", 'distinct belongs to a row with a config'),
    ("tables: [{table: '1', title: a, rows: [{row: b, same_as: '2: c'}]}]", "1: b is the same as '2: c'"),
    ("tables: [{table: '1', title: a, sets: {X: {protocol: sod, columns: [mae]}}, "
     'rows: [{row: b, cannot: c, published: {X: [1, 2]}}]}]', r'published.X is \[1, 2\]; expected a number for each of mae'),
    ("tables: [{table: '1', title: a, rows: [{row: b, cannot: c}, {row: b, cannot: c}]}]", "'1: b' stands twice"),
    ('tables: [', 'cannot be read as YAML'),
])  # fmt: skip
def test_an_entry_that_is_wrong_is_named_with_file_and_place(text, message, tmp_path):
    (tmp_path / 'rows.yml').write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        read_register(tmp_path / 'rows.yml')
    assert str(tmp_path / 'rows.yml') in str(error.value)


def test_every_project_that_is_called_complete_has_a_register():
    """The index of projects says that every row of the papers' tables is in one."""
    lines = (ROOT / 'projects/README.md').read_text().splitlines()
    complete = [line.split('](')[0].removeprefix('| [') for line in lines if line.endswith('| complete |')]
    assert [project for project in complete if (ROOT / 'projects' / project).is_dir()] == [
        project for project in complete if project in PROJECTS
    ]
    assert set(PROJECTS) <= set(complete)
