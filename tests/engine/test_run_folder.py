"""A run's folder as MODEL: data only, none of it is run."""

import json

import pytest
from mmengine.config import Config

from salseg.engine.config import load_config, read_run_config, write_run_config
from salseg.errors import SalsegError
from salseg.paths import trusted_imports
from tests.tiny import write_tiny_config


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / 'run'
    write_run_config(load_config(str(write_tiny_config(tmp_path / 'tiny.py'))), folder)
    return folder


def change(folder, **values):
    """The folder's config with other values at its top level."""
    path = folder / 'config.json'
    content = json.loads(path.read_text())
    content['config'].update(values)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize('name', ['scwssod', 'npmca-net-lite', 'rcrnet-ner-lite', 'xmem-lite', 'dcfm-lite'])
def test_what_is_read_is_what_was_written(name, tmp_path):
    config = load_config(name)
    write_run_config(config, tmp_path)
    read = load_config(str(tmp_path))
    assert read.work_dir == str(tmp_path)
    expected = {**config.to_dict(), 'work_dir': str(tmp_path)}
    assert read.to_dict() == expected
    assert repr(sorted(read.to_dict().items())) == repr(sorted(expected.items()))  # tuples stay tuples
    assert read.filename == str(tmp_path / config.filename.rsplit('/')[-1])


def test_a_value_that_is_no_data_is_refused_by_its_key(tmp_path):
    with pytest.raises(SalsegError, match=r'as model\.after; expected a value that can be written down'):
        write_run_config(Config(dict(model=dict(after=lambda: None))), tmp_path)


def test_the_python_file_of_a_run_is_not_run(run, tmp_path):
    (run / 'tiny.py').write_text(f'open({str(tmp_path / "ran")!r}, "w")\n')
    assert load_config(str(run)).model.type == 'SaliencySegmentor'
    assert not (tmp_path / 'ran').exists()


def foreign_module(tmp_path, monkeypatch, name):
    (tmp_path / f'{name}.py').write_text(f'open({str(tmp_path / "ran")!r}, "w")\n')
    monkeypatch.syspath_prepend(tmp_path)


def test_a_foreign_import_needs_trust(run, tmp_path, monkeypatch):
    foreign_module(tmp_path, monkeypatch, 'foreign_parts')
    change(run, custom_imports=dict(imports=['projects.scwssod', 'foreign_parts']))
    with pytest.raises(SalsegError, match=r'imports foreign_parts, which did not come with salseg.*--trust'):
        load_config(str(run))
    assert not (tmp_path / 'ran').exists()
    assert read_run_config(run / 'config.json', to_build=False).model
    with trusted_imports():
        load_config(str(run))
    assert (tmp_path / 'ran').exists()


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('type', 'evil_parts'),
        ('type', 'evil_parts.Part'),
        ('type', 'os.system'),
        ('type', ['SaliencySegmentor']),
        ('_scope_', 'evil_parts'),
        ('init_cfg', dict(type='Pretrained', checkpoint='weights.pkl')),
    ],
)
def test_a_class_that_is_not_registered_is_not_looked_for_in_modules(run, tmp_path, monkeypatch, key, value):
    foreign_module(tmp_path, monkeypatch, 'evil_parts')
    change(run, visualizer={'type': 'Visualizer', key: value})
    with pytest.raises(SalsegError, match=rf'config\.json: visualizer\.{key}.* which no registry has'):
        load_config(str(run))
    change(run, visualizer=None, default_scope='evil_parts')
    with pytest.raises(SalsegError, match=r"default_scope is 'evil_parts'"):
        load_config(str(run))
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('text', ['', '[]', '{"salseg_config": 1}', '{"salseg_config": 99, "name": "a", "config": {}}'])
def test_a_broken_config_is_refused(run, text):
    (run / 'config.json').write_text(text)
    with pytest.raises(SalsegError, match=r'config\.json'):
        load_config(str(run))
