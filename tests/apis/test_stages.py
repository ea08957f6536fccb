"""All stages of a project with one command: in order, from the stage before, and resumed wherever they were killed."""

import shutil

import pytest
import torch

from salseg.apis import init_model
from salseg.apis.stages import find_chain, run_stages
from salseg.catalog import project_stages
from salseg.cli.main import main
from salseg.datasets.synthetic import write_dataset
from salseg.engine.checkpoint import load_file
from salseg.engine.config import load_config
from salseg.engine.config.loading import resolve
from salseg.errors import ConfigError, UnknownName
from salseg.io.record import read_record
from tests.needs import needs_project
from tests.processes import run_python

STEPS, SIZE = 3, 32
DATASET = 'train_dataloader.dataset'
CHAINS = [(project, chain) for project, chains in project_stages().items() for chain in chains]
# Dies by SIGKILL at a moment of the chain: 'noted NAME' and 'not noted NAME', behind and before the record is written
# that says so; 'step CLASS', in the second step of that model; 'frame', when a few frames are labelled.
KILLED = """
import os, signal, sys
from salseg.apis import stages
from salseg.cli.main import main
from salseg.engine import pseudo_labels
from salseg.models import BaseSegmentor

what, moment = sys.argv[1].rsplit(' ', 1)
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def at(owner, name, when, before=True):
    real = getattr(owner, name)
    def called(*args, **others):
        found = when(*args)
        if found and before:
            die()
        result = real(*args, **others)
        if found:
            die()
        return result
    setattr(owner, name, called)
steps = []
def second(model, *_):
    steps.append(type(model).__name__)
    return steps.count(moment) == 2
def late(*_):
    steps.append('frame')
    return steps.count('frame') > 4
at(stages, '_save', lambda _, record: what != 'step' and moment in record.items, before=what == 'not noted')
at(BaseSegmentor, 'train_step', second)
if what == 'in':
    at(pseudo_labels, 'predict_greys', late)
main(sys.argv[2:])
"""
MOMENTS = ('step SaliencySegmentor', 'not noted images', 'step FGPLG', 'in frames', 'noted labels')


@pytest.mark.parametrize(('project', 'chain'), CHAINS)
def test_every_stage_starts_from_the_one_that_its_config_needs(project, chain):
    stages = find_chain(project, chain)[2]
    known = {}
    for stage in stages:
        assert not stage.start or stage.start in known, f'{stage.name} starts from a stage that comes later'
        if not stage.precompute:
            config = load_config(stage.model, [f'{key}={value}' for key, value in options_of(stage).items()])
            needed = config.get('needs_start')
            assert bool(needed) == bool(stage.start)
            assert not needed or resolve(needed) == resolve(known[stage.start].model)
        known[stage.name] = stage
    assert len(known) == len(stages)


def options_of(stage):
    return {key: str(value).replace('{', '').replace('}', '') for key, value in stage.options.items()}


def test_a_model_stands_for_its_project_and_the_chain_that_trains_it():
    needs_project('rcrnet')
    assert find_chain('rcrnet')[:2] == ('rcrnet', 'paper')
    assert find_chain('fgplg-lite')[:2] == ('rcrnet', 'lite')
    with pytest.raises(UnknownName, match=r"no chain 'big'; it has paper, lite"):
        find_chain('rcrnet', 'big')
    with pytest.raises(UnknownName, match=r'scwssod has no stages; .* salseg train scwssod'):
        find_chain('scwssod')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    needs_project('rcrnet')
    folder = tmp_path_factory.mktemp('stages')
    scene = dict(leaving=False, max_step=2.0)
    write_dataset('vsod', folder / 'data', splits=dict(train=2), size=SIZE, length=9, options=scene)
    return folder


def command(data, folder):
    labels = 'pseudo_label_datasets.0'
    options = [
        f'images.{DATASET}.length=4', f'images.{DATASET}.size={SIZE}', f'images.{DATASET}.pipeline.2.size={SIZE}',
        f'generator.{DATASET}.data_root={data}/data', f'generator.{DATASET}.label_interval=4',
        f'generator.{DATASET}.pipeline.3.size={SIZE}', f'generator.{DATASET}.pipeline.4.cache={data}/flow',
        f'labels.{labels}.data_root={data}/data', f'labels.{labels}.label_interval=4', f'labels.{labels}.between=3',
        f'labels.generate_pipeline.2.size={SIZE}', f'labels.generate_pipeline.3.cache={data}/flow',
        f'student.{DATASET}.pipeline.3.size={SIZE}',
        f'train_cfg.max_iters={STEPS}', 'default_hooks.checkpoint.interval=1', 'train_dataloader.num_workers=0',
    ]  # fmt: skip
    return ['train', 'rcrnet', '--stages', 'lite', '--work-dir', str(folder), '--cfg-options', *options]


@pytest.fixture(scope='module')
def whole(data):
    assert main(command(data, data / 'whole')) == 0
    return data / 'whole'


def weights(folder, stage):
    return load_file(folder / stage / f'iter_{STEPS}.pth')['state_dict']


def test_one_command_trains_all_stages_and_says_where_each_started(whole):
    record = read_record(whole, 'train --stages')
    assert (record.state, list(record.items)) == ('done', ['generator', 'images', 'labels', 'student'])
    last = f'iter_{STEPS}.pth'
    assert record.items['student'] == {'start': f'images/{last}', 'checkpoint': last}
    assert record.items['labels'] == {'start': f'generator/{last}'}
    images, student = weights(whole, 'images'), weights(whole, 'student')
    statistics = [key for key in images if key.endswith('running_mean')]
    assert statistics
    assert all(torch.equal(images[key], student[key]) for key in statistics)
    assert read_record(whole / 'labels').items['train-000']['made']


def test_a_chain_that_is_killed_between_and_inside_stages_ends_with_the_same_weights(data, whole, tmp_path, capsys):
    words = command(data, tmp_path / 'run')
    for moment in MOMENTS:
        done = run_python(['-c', KILLED, moment, *words])
        assert done.returncode == -9, f'{moment}: {done.stderr[-2000:]}'
    assert sorted(read_record(tmp_path / 'run').items) == ['generator', 'images', 'labels']
    assert main(words) == 0
    assert 'stage 3 of 4, labels: done before\nstage 4 of 4, student: training' in capsys.readouterr().out
    for stage in ('images', 'generator', 'student'):
        found, wanted = weights(tmp_path / 'run', stage), weights(whole, stage)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in found), stage
    made, expected = (
        {p.name: p.read_bytes() for p in (top / 'labels').rglob('*.png')} for top in (tmp_path / 'run', whole)
    )
    assert made == expected


def test_a_finished_chain_changes_nothing_and_another_one_is_refused(data, whole, capsys):
    before = (whole / 'student' / f'iter_{STEPS}.pth').stat().st_mtime_ns
    assert main(command(data, whole)) == 0
    assert (whole / 'student' / f'iter_{STEPS}.pth').stat().st_mtime_ns == before
    capsys.readouterr()
    assert main([*command(data, whole), 'student.optim_wrapper.optimizer.lr=1.0']) == 2
    assert f'{whole} holds results of another run, with other options' in capsys.readouterr().err


LATER = sorted({
    stage.model
    for project, chain in CHAINS
    for stage in find_chain(project, chain)[2]
    if stage.start and not stage.precompute and 'needs_start' not in stage.options
})  # fmt: skip


@pytest.mark.parametrize('model', LATER)
def test_a_later_stage_alone_without_a_start_names_the_command_of_the_stage_before(model, tmp_path, capsys):
    before = load_config(model).needs_start
    assert main(['train', model, '--work-dir', str(tmp_path / 'run')]) == 2
    said = capsys.readouterr().err
    assert f'salseg train {before} --work-dir runs/' in said
    assert f'salseg train {model} --cfg-options load_from=runs/' in said
    assert not (tmp_path / 'run').exists()


def test_a_chain_that_is_given_a_wrong_start_says_what_the_file_is(data, tmp_path, capsys):
    needs_project('contrastive_vsod')
    text, other = tmp_path / 'notes.pth', tmp_path / 'other.pth'
    text.write_text('no weights')
    torch.save(init_model('contrastive-vsod-lite', pretrained=False).state_dict(), other)
    for file, words in ((text, 'is no readable checkpoint'), (other, 'does not fit this SaliencySegmentor')):
        assert main([*command(data, tmp_path / file.stem), f'images.load_from={file}']) == 2
        said = capsys.readouterr().err
        assert f'{file} {words}' in said
        # Nothing was trained that the next attempt would take for a start.
        assert not list((tmp_path / file.stem).rglob('*.pth'))
    assert 'entries have the same name' in said
    assert 'missing in the file' in said


def test_a_start_of_a_chain_that_was_lost_in_between_is_named(data, whole, tmp_path, capsys):
    run = tmp_path / 'run'
    shutil.copytree(whole, run)
    shutil.rmtree(run / 'student')
    for path in (run / 'images').glob('*.pth'):
        path.write_bytes(path.read_bytes()[:1000])
    assert main(command(data, run)) == 2
    assert f'{run / "images" / f"iter_{STEPS}.pth"} is no readable checkpoint (1000 bytes)' in capsys.readouterr().err


def test_what_a_chain_decides_itself_is_refused(tmp_path):
    needs_project('rcrnet')
    with pytest.raises(ConfigError, match=r'load_from=x.pth: every stage starts .* images.load_from=x.pth'):
        run_stages('rcrnet', tmp_path / 'run', 'lite', ['load_from=x.pth'])
    with pytest.raises(
        ConfigError, match=r'student.load_from=x.pth: student starts from the weights of images. .* salseg'
    ):
        run_stages('rcrnet', tmp_path / 'run', 'lite', ['student.load_from=x.pth'])
    assert main(['train', 'rcrnet', '--stages', '--resume']) == 2
    assert not list(tmp_path.iterdir())
