"""What `salseg test` keeps, what `salseg evaluate` says of it, and what `salseg predict --dataset` writes are one thing."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from salseg.apis import init_model
from salseg.cli import main
from salseg.engine.test import test as run_test
from salseg.io.annotations import read_map
from salseg.io.record import read_record
from tests.needs import ROOT, needs_project
from tests.processes import run_python
from tests.releases import make

for project in ('scwssod', 'dcfm', 'rcrnet', 'xmem'):
    needs_project(project)

SIZE = (40, 48)
# By task: release, its order, config, options, protocol, folder of the truth below the data set.
TASKS = {
    'sod': (
        'ECSSD', dict(length=17), 'scwssod/configs/scwssod_lite0_paper_folder-192.py',
        ['test_dataloader.dataset.pipeline.2.size=64', 'test_dataloader.batch_size=1',
         'test_dataloader.dataset.pixel_mean=[110,100,90]', 'test_dataloader.dataset.pixel_std=[50,60,70]'],
        'sod', 'mask',
    ),
    'cosod': (
        'CoCA', dict(length=3), 'dcfm/configs/dcfm_lite0_folder-and-synthetic-160.py',
        ['test_dataloader.dataset.pipeline.2.size=64', 'test_evaluator.protocol=cosod'],
        'cosod', 'gt',
    ),
    'vsod': (
        'DAVIS-2016', dict(length=6), 'rcrnet/configs/rcrnet-ner_lite0_davis-160.py',
        ['test_dataloader.dataset.pipeline.2.size=64'],
        'vsod', 'Annotations',
    ),
    'vos': (
        'DAVIS-2017', dict(length=4), 'xmem/configs/xmem_lite0_masks_davis17-240.py',
        ['model.shorter_side=None'],
        'davis17-semi', 'Annotations',
    ),
}  # fmt: skip


class Run:
    """A task's data set, as it is converted, and a model of random weights."""

    def __init__(self, task: str, folder: Path) -> None:
        self.release, order, config, options, self.protocol, truth = TASKS[task]
        release = make(self.release, folder / 'archive', size=SIZE, **order)
        assert main(['convert', self.release, str(release.source), '--root', str(folder / 'data')]) == 0
        root = folder / 'data' / self.release
        self.config, self.folder, self.truth = str(ROOT / 'projects' / config), folder, root / truth
        persistent = ['test_dataloader.persistent_workers=False'] if task == 'vos' else []
        place = [f'test_dataloader.dataset.data_root={root}', 'test_dataloader.num_workers=0', *persistent]
        lists = ['test_dataloader.dataset.label_folder=None'] if task == 'sod' else []
        self.options = [*options, *place, *lists]
        self.weights = folder / 'random.pth'
        torch.manual_seed(1)
        model = init_model(self.config, device='cpu', options=self.options, pretrained=False)
        torch.save(dict(state_dict=model.state_dict()), self.weights)
        self.name = 'DAVIS2017-val' if task == 'vos' else self.release

    def test(self, out: Path, *words: str, options: tuple[str, ...] = ()) -> int:
        given = ['--out', str(out), *words, '--work-dir', str(self.folder / 'work')]
        return main(['test', self.config, str(self.weights), *given, '--cfg-options', *self.options, *options])

    def predict(self, out: Path, *words: str) -> int:
        given = ['--dataset', self.config, '--out', str(out), '--checkpoint', str(self.weights), *words]
        return main(['predict', self.config, *given, '--cfg-options', *self.options])


@pytest.fixture(scope='module', params=TASKS)
def run(request, tmp_path_factory):
    made = Run(request.param, tmp_path_factory.mktemp(request.param))
    assert made.test(made.folder / 'out') == 0
    return made


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob('*.png'))}


def metrics_of(folder: Path) -> dict[str, float]:
    return json.loads((folder / 'metrics.json').read_text())['methods'][0]['metrics']


def test_test_what_it_keeps_and_evaluate_give_the_same_numbers_to_the_last_bit(run, tmp_path, capsys):
    plain = run_test(run.config, str(run.weights), run.options, str(tmp_path / 'plain'))
    kept = read_record(run.folder / 'out').result
    assert kept['metrics'] == plain
    # Also where the last clip of a video is filled up.
    assert kept['speed']['frames'] == len(files_of(run.folder / 'out' / run.name))
    folder = run.folder / 'out' / run.name
    words = [
        str(folder),
        str(run.truth),
        '--protocol',
        run.protocol,
        '--processes',
        '1',
        '--out',
        str(tmp_path / 'scored'),
    ]
    listed = ['--list', str(run.truth.parent / 'ImageSets/val.txt')] if run.protocol in ('vsod', 'davis17-semi') else []
    if run.protocol == 'vsod':
        words.append('--allow-extra')
    assert main(['evaluate', *words, *listed]) == 0
    scored = metrics_of(tmp_path / 'scored')
    own = {key.partition('/')[2]: value for key, value in plain.items() if key.count('/') == 1}
    assert len(own) >= 3
    assert {key: scored[key] for key in own} == own
    report = run.folder / 'out/reports' / run.name
    # The config computes some groups of metrics; `evaluate` all of them.
    assert metrics_of(report).items() <= scored.items()
    rows = 'objects.csv' if run.protocol == 'davis17-semi' else 'images.csv'
    for name in (rows, 'table.txt', 'index.html'):
        assert (report / name).is_file()
    assert (report / rows).read_bytes().count(b'\n') == (tmp_path / 'scored' / rows).read_bytes().count(b'\n')
    drawn = sorted(path.stem for path in report.glob('curves/*.png'))
    assert drawn == (
        [] if run.protocol == 'davis17-semi' else ['e_threshold', 'f_threshold', 'precision_recall', 'roc']
    )


def test_every_frame_of_the_set_is_there_at_its_own_size(run):
    found = files_of(run.folder / 'out' / run.name)
    truth = files_of(run.truth)
    if run.protocol in ('vsod', 'davis17-semi'):
        videos = (run.truth.parent / 'ImageSets/val.txt').read_text().split()
        truth = {name: data for name, data in truth.items() if name.split('/')[0] in videos}
    assert sorted(found) == sorted(truth)
    for name in found:
        with Image.open(run.folder / 'out' / run.name / name) as file, Image.open(run.truth / name) as annotation:
            assert file.size == annotation.size
            assert file.mode == ('P' if run.protocol == 'davis17-semi' else 'L')


def test_predict_of_the_data_set_writes_the_same_bytes(run, tmp_path):
    assert run.predict(tmp_path / 'maps') == 0
    assert files_of(tmp_path / 'maps' / run.name) == files_of(run.folder / 'out' / run.name)


@pytest.mark.parametrize('run', ['sod', 'vsod'], indirect=True)
def test_a_repeated_test_takes_what_is_there_and_gives_the_same(run, capsys):
    out = run.folder / 'out'
    before, files = read_record(out).result['metrics'], files_of(out / run.name)
    gone = sorted((out / run.name).rglob('*.png'))[-1]
    gone.unlink()
    times = {path: path.stat().st_mtime_ns for path in (out / run.name).rglob('*.png')}
    assert run.test(out) == 0
    record = read_record(out)
    assert record.result['metrics'] == before
    assert 0 < record.result['speed']['kept'] < record.result['speed']['frames']
    assert files_of(out / run.name) == files
    unit = gone.parent if run.protocol != 'sod' else gone
    assert all(path.stat().st_mtime_ns == time for path, time in times.items() if path.parent != unit and path != unit)


def test_another_batch_size_changes_no_map_by_more_than_one_grey_level(tmp_path):
    run = Run('sod', tmp_path)
    assert run.predict(tmp_path / 'one') == 0
    assert run.predict(tmp_path / 'eight', '--batch-size', '8') == 0
    pairs = [
        (tmp_path / 'one/ECSSD' / name, tmp_path / 'eight/ECSSD' / name) for name in files_of(tmp_path / 'one/ECSSD')
    ]
    assert len(pairs) == 17
    changes = [np.abs(read_map(one).astype(int) - read_map(eight)) for one, eight in pairs]
    assert max(change.max() for change in changes) <= 1
    assert sum((change > 0).sum() for change in changes) < 0.01 * sum(change.size for change in changes)


KILLED = """
import os, signal, sys
from salseg.apis import set_files
from salseg.cli.main import main
real, written = set_files.write_label_png, []
def counted(path, labels):
    real(path, labels)
    written.append(path)
    if len(written) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
set_files.write_label_png = counted
main(sys.argv[1:])
"""


@pytest.mark.parametrize('run', ['vos'], indirect=True)
def test_a_killed_test_is_resumed_and_leaves_the_same_files(run, tmp_path):
    out = tmp_path / 'out'
    words = ['test', run.config, str(run.weights), '--out', str(out), '--work-dir', str(tmp_path / 'work')]
    done = run_python(['-c', KILLED, *words, '--cfg-options', *run.options])
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert read_record(out).state == 'running'
    assert run.test(out) == 0
    assert files_of(out / run.name) == files_of(run.folder / 'out' / run.name)
    record = read_record(out)
    assert record.state == 'done'
    assert record.result['metrics'] == read_record(run.folder / 'out').result['metrics']
    # The first video was complete, the second one was not.
    assert record.result['speed']['kept'] == 4


@pytest.mark.parametrize('run', ['sod'], indirect=True)
def test_a_folder_of_another_run_is_refused_and_says_what_differs(run, tmp_path, capsys):
    out = run.folder / 'out'
    assert run.test(out, options=('test_dataloader.dataset.pipeline.2.size=48',)) == 2
    assert 'holds results of another run, with other sets' in capsys.readouterr().err
    assert run.predict(out) == 2
    assert 'command: salseg test there, salseg predict now' in capsys.readouterr().err
    foreign = tmp_path / run.name
    foreign.mkdir()
    shutil.copy(next((out / run.name).glob('*.png')), foreign)
    assert run.test(tmp_path) == 2
    assert 'says that salseg wrote it' in capsys.readouterr().err


@pytest.mark.parametrize('run', ['vsod'], indirect=True)
def test_two_processes_leave_the_same_files_and_numbers(run, tmp_path):
    out = tmp_path / 'out'
    words = [
        '-m',
        'salseg',
        'test',
        run.config,
        run.weights,
        '--out',
        out,
        '--work-dir',
        tmp_path,
        '--launcher',
        'pytorch',
    ]
    done = run_python([*words, '--cfg-options', *run.options], processes=2)
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'in 2 processes' in done.stdout + done.stderr
    assert files_of(out / run.name) == files_of(run.folder / 'out' / run.name)
    assert read_record(out).result['metrics'] == read_record(run.folder / 'out').result['metrics']


@pytest.mark.parametrize('run', ['cosod'], indirect=True)
def test_a_set_is_chosen_by_name_and_what_is_no_use_is_refused(run, tmp_path, capsys):
    assert main(['predict', run.config, '--dataset', f'{run.config}:CoCO', '--checkpoint', str(run.weights)]) == 2
    assert 'CoCO: 0 test sets have that name; there are own.' in capsys.readouterr().err
    assert main(['predict', run.config, 'photos', '--dataset', run.config]) == 2
    assert 'photos with --dataset' in capsys.readouterr().err
    assert (
        main(
            [
                'predict',
                run.config,
                '--dataset',
                str(ROOT / 'projects' / TASKS['vsod'][2]),
                '--checkpoint',
                str(run.weights),
            ]
        )
        == 2
    )
    assert "is of the type 'clip'" in capsys.readouterr().err
