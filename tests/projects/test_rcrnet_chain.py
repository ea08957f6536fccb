"""The four commands of the chain, as they are typed, on synthetic videos on disk."""

from tests.processes import run_python
from tests.needs import needs_project

needs_project('rcrnet')


from pathlib import Path

import pytest
import torch

from salseg.cli.main import main
from salseg.io.annotations import read_map
from salseg.io.record import read_record
from salseg.datasets.synthetic import write_dataset
from salseg.engine.checkpoint import load_file
from salseg.models import BaseSegmentor
from tests.records import timeless

STEPS, SIZE = 3, 32
DATASET = 'train_dataloader.dataset'
# Dies by SIGKILL when the given number of frames is labelled.
KILLED = """
import os, signal, sys
from salseg.cli.main import main
from salseg.engine import pseudo_labels
real, calls = pseudo_labels.predict_greys, []
def counted(*args):
    calls.append(0)
    if len(calls) > {frames}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args)
pseudo_labels.predict_greys = counted
main(sys.argv[1:])
"""


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('chain')
    options = dict(leaving=False, max_step=2.0)
    write_dataset('vsod', folder / 'data', splits=dict(train=2), size=SIZE, length=9, options=options)
    return folder


def training(name, folder, *options, resume=False):
    common = {
        'train_cfg.max_iters': STEPS,
        'default_hooks.checkpoint.interval': 1,
        'train_dataloader.num_workers': 0,
    }
    texts = [*(f'{key}={value}' for key, value in common.items()), *options]
    again = ['--resume'] if resume else []
    return main(['train', name, '--work-dir', str(folder), *again, '--cfg-options', *texts])


def image_options(root):
    return [f'{DATASET}.length=4', f'{DATASET}.size={SIZE}', f'{DATASET}.pipeline.2.size={SIZE}']


def generator_options(root):
    return [
        f'load_from={root}/image/iter_{STEPS}.pth', f'{DATASET}.data_root={root}/data', f'{DATASET}.label_interval=4',
        f'{DATASET}.pipeline.3.size={SIZE}', f'{DATASET}.pipeline.4.cache={root}/flow',
    ]  # fmt: skip


def joint_options(root):
    start, data = f'load_from={root}/image/iter_{STEPS}.pth', f'{DATASET}.data_root={root}/labels'
    return [start, data, f'{DATASET}.pipeline.3.size={SIZE}']


def labelling(root, out):
    labels = 'pseudo_label_datasets.0'
    options = [
        f'{labels}.data_root={root}/data', f'{labels}.label_interval=4', f'{labels}.between=3',
        f'generate_pipeline.2.size={SIZE}', f'generate_pipeline.3.cache={root}/flow',
    ]  # fmt: skip
    checkpoint = f'{root}/generator/iter_{STEPS}.pth'
    what = [
        'precompute',
        'pseudo-labels',
        'fgplg-lite',
        '--checkpoint',
        checkpoint,
        '--device',
        'cpu',
        '--out',
        str(out),
    ]
    return [*what, '--cfg-options', *options]


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted((folder / 'Annotations').rglob('*.png'))}


def weights(folder):
    return load_file(Path(folder) / f'iter_{STEPS}.pth')['state_dict']


STAGES = {
    'image': ('rcrnet-lite', image_options),
    'generator': ('fgplg-lite', generator_options),
    'joint': ('rcrnet-ner-lite', joint_options),
}


@pytest.fixture(scope='module')
def chain(root):
    """All four commands, one after the other."""
    for stage in ('image', 'generator'):
        name, options = STAGES[stage]
        assert training(name, root / stage, *options(root)) == 0
    assert main(labelling(root, root / 'labels')) == 0
    name, options = STAGES['joint']
    assert training(name, root / 'joint', *options(root)) == 0
    return root


def test_each_stage_starts_from_the_one_before(chain):
    image, generator, joint = (weights(chain / stage) for stage in ('image', 'generator', 'joint'))
    # Batch statistics stand still in the later stages, so they tell where the weights came from.
    statistics = [key for key in image if key.endswith('running_mean')]
    assert len(statistics) > 40
    for later in (generator, joint):
        assert all(torch.equal(image[key], later[key]) for key in statistics)
    (first,) = [key for key, value in image.items() if generator[key].shape != value.shape]
    assert (image[first].shape[1], generator[first].shape[1]) == (3, 7)
    assert any(key.startswith('matcher.') for key in joint)


def test_generated_labels_are_the_data_of_the_last_stage(chain):
    made = read_record(chain / 'labels')
    video = 'train-000'
    assert made.items[video]['kept'] == ['00000', '00004', '00008']
    assert made.items[video]['made'] == ['00001', '00002', '00003', '00005', '00006', '00007']
    truth = chain / f'data/Annotations/480p/{video}/00004.png'
    assert (chain / f'labels/Annotations/{video}/00004.png').read_bytes() == truth.read_bytes()
    grey = read_map(chain / f'labels/Annotations/{video}/00002.png')
    assert len(set(grey.flat)) > 2


def test_labelling_that_was_killed_goes_on_to_the_same_files(chain, tmp_path):
    out = tmp_path / 'labels'
    script = KILLED.format(frames=8)
    done = run_python(['-c', script, *labelling(chain, out)])
    assert done.returncode == -9, done.stderr[-2000:]
    begun = read_record(out)
    assert (begun.state, list(begun.items)) == ('running', ['train-000'])
    # Three kept and six made of the first video; three and two of the second.
    assert len(files(out)) == 14
    assert main(labelling(chain, out)) == 0
    assert files(out) == files(chain / 'labels')
    assert timeless(out) == timeless(chain / 'labels')


@pytest.mark.parametrize('stage', STAGES)
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(chain, tmp_path, monkeypatch, stage):
    name, options = STAGES[stage]
    step, calls = BaseSegmentor.train_step, []

    def counted(self, *args, **others):
        calls.append(stage)
        if len(calls) == STEPS:
            raise KeyboardInterrupt
        return step(self, *args, **others)

    with monkeypatch.context() as patch:
        patch.setattr(BaseSegmentor, 'train_step', counted)
        assert training(name, tmp_path / 'run', *options(chain)) == 130
    assert training(name, tmp_path / 'run', *options(chain), resume=True) == 0
    found, wanted = weights(tmp_path / 'run'), weights(chain / stage)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in found)
