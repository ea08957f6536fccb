"""`salseg weights` as a user has it: a tiny plugin's weights, from a server on the loopback."""

import hashlib
import io
import json
import multiprocessing
import re
import sys
from types import ModuleType

import pytest
import torch

from salseg.apis import init_model
from salseg.catalog import model_cards
from salseg.cli.main import main
from salseg.engine.published import get_weights
from salseg.errors import CheckpointError
from tests.needs import ROOT, can_export
from tests.serving import Served, serving
from tests.tiny import write_tiny_config
from tests.scripts import load_script

NAME = 'tiny@official'


class Trap:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return print, ('code of the file was run',)


def convert(state):
    """The tiny system's converter: published names begin with 'net.', and a classifier is dropped."""
    dropped = [key for key in state if not key.startswith('net.')]
    return {key.removeprefix('net.'): value for key, value in state.items() if key not in dropped}, dropped


def model_options(state):
    """The width of the neck, which the config has as 8."""
    return {'neck.width': state['net.head.predict.0.weight'].shape[1]}


def state_of(config, **options):
    model = init_model(str(config), device='cpu', options=options)
    # Near the start, so that the network answers; nowhere equal to it.
    filled = {
        f'net.{key}': value * 1.01 + 0.001 if value.is_floating_point() else value
        for key, value in model.state_dict().items()
    }
    return filled | {'classifier.weight': torch.zeros(2)}


def packed(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The plugin, an empty cache, a working network, and a server of its weights."""
    config = write_tiny_config(tmp_path / 'tiny.py')
    state = state_of(config)
    module = ModuleType('tiny_weights')
    module.convert = convert
    monkeypatch.setitem(sys.modules, 'tiny_weights', module)
    monkeypatch.setenv('SALSEG_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    monkeypatch.delenv('SALSEG_OFFLINE', raising=False)
    monkeypatch.chdir(tmp_path)
    with serving(Served(packed(state))) as served:
        entry = {
            'Name': 'official',
            'Address': served.address,
            'Page': 'https://example.org/tiny',
            'Licence': 'MIT',
            'MB': 4,
        }
        entry['Metrics'] = {'ECSSD MAE': 0.05}
        card = {
            'Name': 'tiny',
            'Folder': str(tmp_path),
            'Config': 'tiny.py',
            'Converter': 'tiny_weights',
            'Task': 'SOD',
        }
        monkeypatch.setitem(model_cards(), 'tiny', card | {'Weights': {'Published': [entry]}})
        served.state, served.folder, served.module = state, tmp_path / 'cache' / 'weights', module
        yield served


def said(capsys, *words, status=0):
    assert main(['weights', *map(str, words)]) == status
    out = capsys.readouterr()
    return out.err if status == 2 else out.out


def in_cache(served):
    """What a user finds there, without the lock."""
    return (
        sorted(path.name for path in served.folder.glob('*') if path.suffix != '.lock')
        if served.folder.is_dir()
        else []
    )


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_get_fetches_converts_keeps_and_says_the_hash(served, capsys):
    text = said(capsys, 'get', NAME)
    assert f'{NAME}: SHA-256 {digest(served.content)}, {len(served.content)} bytes from {served.address}' in text
    assert '1 entries that the model does not use were left out: classifier.weight' in text
    assert in_cache(served) == [f'{NAME}.json', f'{NAME}.pth']
    facts = json.loads((served.folder / f'{NAME}.json').read_text())
    assert facts['licence'] == 'MIT'
    assert facts['source'] == served.address
    assert facts['sha256'] == digest(served.content)
    model = init_model(NAME, device='cpu')
    assert torch.equal(model.backbone.conv1.weight, served.state['net.backbone.conv1.weight'])
    assert model.weights_source == NAME
    assert 'was here' in said(capsys, 'get', NAME)
    assert len(served.requests) == 1


def test_list_says_address_licence_size_metrics_and_whether_it_is_here(served, capsys):
    before = said(capsys, 'list', 'tiny@*')
    for words in (
        f'{NAME}  not here  about 4 MB',
        'licence: MIT',
        served.address,
        'example.org',
        'ECSSD MAE 0.05',
        str(served.folder),
    ):
        assert words in before
    said(capsys, 'get', NAME)
    after = said(capsys, 'list', 'tiny@*')
    assert f'{NAME}  here' in after
    assert digest(served.content) in after
    assert 'resnet50@imagenet' in said(capsys, 'list', '*@imagenet')
    assert 'raft_small@torchvision  not here  about 4 MB' in said(capsys, 'list', 'raft*')


def test_a_broken_transfer_says_what_is_kept_and_the_same_command_resumes(served, capsys):
    served.cuts = [200_000, 0, 0, 0]
    text = said(capsys, 'get', NAME, status=2)
    assert '200000 bytes are kept, and the same command resumes' in text
    assert in_cache(served) == [f'{NAME}.part', f'{NAME}.part.json']
    assert 'converted and checked' in said(capsys, 'get', NAME)
    assert served.requests[-1] == 'bytes=200000-'
    assert in_cache(served) == [f'{NAME}.json', f'{NAME}.pth']


@pytest.mark.parametrize('status', [404, 503])
def test_without_the_file_or_a_network_one_sentence_says_what_to_do(status, served, capsys):
    served.status = status
    text = said(capsys, 'get', NAME, status=2)
    for words in (
        str(status),
        served.address,
        f'salseg weights import {NAME} FILE',
        'https://example.org/tiny',
        str(served.folder),
    ):
        assert words in text
    assert in_cache(served) == []


def test_offline_nothing_is_asked(served, capsys, monkeypatch):
    monkeypatch.setenv('SALSEG_OFFLINE', '1')
    text = said(capsys, 'get', NAME, status=2)
    for words in ('SALSEG_OFFLINE is set', served.address, f'salseg weights import {NAME} FILE', str(served.folder)):
        assert words in text
    assert served.requests == []


@pytest.mark.parametrize('kind', ['text/html', 'application/octet-stream'])
def test_the_page_of_google_drive_is_no_file(kind, served, capsys):
    served.content, served.kind = b'<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title></html>', kind
    text = said(capsys, 'get', NAME, status=2)
    assert 'HTML' in text
    assert (
        f'save the file of https://example.org/tiny ({served.address}) in a browser, then `salseg weights import {NAME} FILE`'
        in text
    )
    assert in_cache(served) == []


def test_a_hostile_file_runs_nothing_and_leaves_nothing(served, capsys):
    served.content = packed({'net.backbone.conv1.weight': Trap()})
    text = said(capsys, 'get', NAME, status=2)
    assert 'holds more than tensors and plain values' in text
    assert 'code of the file was run' not in text + capsys.readouterr().out
    assert in_cache(served) == []


def test_a_file_of_another_network_is_refused_with_counts(served, capsys):
    served.content = packed({key: value for key, value in served.state.items() if 'head' not in key})
    text = said(capsys, 'get', NAME, status=2)
    assert re.search(r'as tiny@official does not fit this SaliencySegmentor: \d+ of \d+ entries', text)
    assert 'head.' in text
    assert in_cache(served) == []


def test_another_hash_under_the_same_name_is_refused_until_it_is_forgotten(served, capsys):
    said(capsys, 'get', NAME)
    first, second = digest(served.content), packed({**served.state, 'classifier.weight': torch.ones(2)})
    served.content = second
    text = said(capsys, 'get', NAME, '--again', status=2)
    for words in (first, digest(second), f'salseg weights remove {NAME} --forget'):
        assert words in text
    assert 'as recorded' in said(capsys, 'verify'), 'the old file stays'
    said(capsys, 'remove', NAME)
    assert in_cache(served) == [f'{NAME}.json']
    assert first in said(capsys, 'get', NAME, status=2), 'the hash outlives the file'
    assert 'its hash forgotten' in said(capsys, 'remove', NAME, '--forget')
    assert digest(second) in said(capsys, 'get', NAME)


def test_a_file_fetched_by_hand_is_imported(served, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv('SALSEG_OFFLINE', '1')
    file = tmp_path / 'downloaded (1).pth'
    file.write_bytes(served.content)
    assert f'{NAME}: SHA-256 {digest(served.content)}' in said(capsys, 'import', NAME, file)
    assert file.read_bytes() == served.content
    assert init_model('tiny', NAME, 'cpu').weights_source == NAME
    file.write_bytes(b'<html>sign in</html>')
    assert 'is a page (HTML)' in said(capsys, 'import', NAME, file, status=2)
    assert 'is no file' in said(capsys, 'import', NAME, tmp_path / 'nothing.pth', status=2)
    assert 'there are tiny@official' in said(capsys, 'import', 'tiny@offical', file, status=2)


def test_verify_sees_a_changed_byte_and_a_damaged_record(served, capsys):
    said(capsys, 'get', NAME)
    path = served.folder / f'{NAME}.pth'
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:])
    assert f'{path} was changed' in said(capsys, 'verify', status=1)
    path.write_bytes(whole)
    assert f'{NAME}: as recorded' in said(capsys, 'verify', NAME)
    record = served.folder / f'{NAME}.json'
    record.write_text(record.read_text().replace('"sha256"', '"sha512"'))
    assert 'is damaged: sha256 is missing' in said(capsys, 'verify', NAME, status=1)


def test_options_that_a_file_needs_are_taken_from_it_and_an_option_of_the_user_counts(
    served, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(served.module, 'model_options', model_options, raising=False)
    wide = state_of(tmp_path / 'tiny.py', **{'model.neck.width': 12, 'model.head.in_channels': 12})
    monkeypatch.setitem(model_cards()['tiny']['Weights'], 'Options', {'model.head.in_channels': 12})
    served.content = packed(wide)
    said(capsys, 'get', NAME)
    model = init_model(NAME, device='cpu')
    assert model.cfg.model.neck.width == 12
    # As a file, too: what it needs stands in it.
    assert init_model('tiny', str(served.folder / f'{NAME}.pth'), 'cpu').cfg.model.neck.width == 12
    with pytest.raises(CheckpointError, match='here'):
        init_model(NAME, device='cpu', options={'model.neck.width': 8, 'model.head.in_channels': 8})
    assert main(['train', NAME, '--work-dir', 'run', '--cfg-options', 'train_cfg.max_iters=2']) == 0
    # The options travel on with the weights.
    assert init_model('tiny', 'run/iter_2.pth', 'cpu').cfg.model.neck.width == 12
    assert main(['train', 'tiny', '--work-dir', 'run', '--resume', '--cfg-options', 'train_cfg.max_iters=3']) == 0
    assert main(['train', 'tiny', '--work-dir', 'two', '--cfg-options', 'train_cfg.max_iters=1', 'load_from=run']) == 0


def test_the_converters_tool_writes_such_a_file_anywhere(served, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(served.module, 'model_options', model_options, raising=False)
    tool = load_script(ROOT / 'tools/model_converters/convert_official.py')
    (tmp_path / 'official.pth').write_bytes(served.content)
    tool.convert('tiny', str(tmp_path / 'official.pth'), str(tmp_path / 'ours.pth'))
    assert f'{len(served.state) - 1} entries written to {tmp_path / "ours.pth"}' in capsys.readouterr().out
    config = init_model('tiny', str(tmp_path / 'ours.pth'), 'cpu').cfg
    assert config.model_options == ['model.neck.width']


def test_a_file_may_not_ask_for_more_than_numbers_of_its_network(served, tmp_path):
    config = tmp_path / 'tiny.py'
    state = init_model(str(config), device='cpu').state_dict()
    for options in (
        {'model.backbone.weights': '/x'},
        {'custom_imports.imports': 'os'},
        {'model.neck.type': 'Other'},
        ['x'],
    ):
        meta = {'model_type': 'SaliencySegmentor', 'model_options': options}
        torch.save({'meta': meta, 'state_dict': state}, tmp_path / 'asks.pth')
        with pytest.raises(CheckpointError, match='asks for the model options'):
            init_model(str(config), str(tmp_path / 'asks.pth'), 'cpu')


def test_the_name_works_wherever_a_model_or_checkpoint_is_named(served, capsys, monkeypatch, tmp_path):
    image = ROOT / 'docs/en/images/teaser.jpg'
    missing = ['predict', NAME, str(image), '--out', 'maps']
    assert main(missing) == 2
    assert f'the weights {NAME} are not here' in capsys.readouterr().err
    said(capsys, 'get', NAME)
    monkeypatch.setenv('SALSEG_OFFLINE', '1')
    for words in (
        missing,
        ['predict', 'tiny', str(image), '--checkpoint', NAME, '--out', 'maps2'],
        ['test', NAME],
        ['test', 'tiny', NAME, '--work-dir', 'tested'],
        ['train', NAME, '--work-dir', 'run', '--cfg-options', 'train_cfg.max_iters=1'],
        ['train', 'tiny', '--work-dir', 'run2', '--cfg-options', 'train_cfg.max_iters=1', f'load_from={NAME}'],
        *([['export', NAME, '--out', 'net', '--format', 'torch']] if can_export() else []),
        ['info', NAME],
    ):
        assert main(words) == 0, words
    assert (tmp_path / 'maps/teaser.png').read_bytes() == (tmp_path / 'maps2/teaser.png').read_bytes()
    assert (tmp_path / 'work_dirs' / NAME / 'test').is_dir()
    assert digest(served.content) in capsys.readouterr().out
    assert main(['test', NAME, NAME]) == 2
    assert 'names weights, and so does' in capsys.readouterr().err


def test_two_processes_at_once_fetch_once(served):
    served.pause, served.block = 0.002, 1 << 14
    context = multiprocessing.get_context('fork')
    started = [
        context.Process(target=get_and_tell, args=(served.folder.parent / f'{number}.txt',)) for number in (1, 2)
    ]
    served.folder.mkdir(parents=True)
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0, 0]
    assert sorted(path.read_text() for path in served.folder.parent.glob('*.txt')) == ['False', 'True']
    assert len(served.requests) == 1
    assert in_cache(served) == [f'{NAME}.json', f'{NAME}.pth']


def get_and_tell(path):
    """Get in a process of its own; whether it fetched is written down."""
    path.write_text(str(get_weights(NAME)[1]))
