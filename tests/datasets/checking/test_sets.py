"""The sets that a config reads, looked at before anything is built."""

import numpy as np
import pytest
import torch

from salseg.apis.converting import releases
from salseg.cli import main
from salseg.datasets.checking import check_sets, sets_text
from salseg.engine.config import load_config
from salseg.engine.sets import require_sets, skip_absent
from salseg.engine.test import test as run_test
from salseg.engine.train import train
from salseg.errors import DataError
from salseg.releases import Release, releases_at
from tests.datasets.checking.folders import SIZE, groups, images, mask, save, videos
from tests.tiny import write_tiny_config

LOADING = [dict(type='LoadFrames'), dict(type='LoadLabels')]
KNOWN = [
    Release('ECSSD', 'ECSSD', {'pairs': (1000,)}, 'http://where.org/ecssd'),
    Release('THUR15K', 'THUR15K', {'pairs': (6232,)}, title='Salientshape'),
    Release('DUTS', 'DUTS', {'train images': (10553,), 'test images': (5019,)}, 'http://where.org/duts'),
    Release('S-DUTS', 'DUTS', {'scribbles': (10553,)}, 'http://where.org/s-duts'),
    Release('painted', 'own', own=True),
    Release('labelme', 'own', own=True),
]


def saliency(root, **options):
    return dict(type='SaliencyDataset', data_root=str(root), pipeline=LOADING, **options)


def look(dataset, role='test', quick=False):
    return check_sets({f'{role}_dataloader': dict(dataset=dataset)}, (role,), KNOWN, quick)


def concat(*parts):
    return dict(type='ConcatDataset', datasets=list(parts))


def test_a_sound_set_is_counted_beside_the_published_number(tmp_path):
    (state,) = look(saliency(images(tmp_path / 'ECSSD')))
    assert (state.state, state.counts, state.encoding, state.problem) == ('ok', {'images': 3}, 'binary', '')
    assert state.warning == 'ECSSD: 3 images, published 1,000; is the copy complete?'
    row = next(line for line in sets_text([state], 'c').splitlines() if line.startswith('| test '))
    assert [cell.strip() for cell in row.split('|')[2:-1]] == [
        'ECSSD', str(tmp_path / 'ECSSD'), '3 images', '1,000', 'binary', 'ok',
    ]  # fmt: skip


def test_a_recipe_that_chooses_among_a_release_is_not_compared_with_its_counts(tmp_path):
    root = images(tmp_path / 'ECSSD')
    (tmp_path / 'own.txt').write_text('a\n')
    (state,) = look(saliency(root, list_file=str(tmp_path / 'own.txt')))
    assert (state.state, state.counts, state.warning) == ('ok', {'images': 1}, '')


def test_an_absent_set_is_named_with_its_page_and_command(tmp_path):
    (state,) = look(saliency(tmp_path / 'ECSSD'))
    assert state.state == 'absent'
    assert state.problem == (
        f'test set ECSSD: {tmp_path}/ECSSD is not there. Get it from http://where.org/ecssd, unpack it, then: '
        'salseg convert ECSSD SOURCE'
    )


def test_where_no_page_is_known_the_title_of_the_paper_is_said(tmp_path):
    (state,) = look(saliency(tmp_path / 'THUR15K'))
    assert 'Get it (the paper is "Salientshape"), unpack it, then: salseg convert THUR15K SOURCE' in state.problem


def test_absent_scribbles_need_two_commands_and_own_data_names_its_ways(tmp_path):
    (state,) = look(saliency(tmp_path / 'DUTS', encoding='scribble'))
    first, second = (state.problem.index(f'salseg convert {name} SOURCE') for name in ('DUTS', 'S-DUTS'))
    assert first < second
    (images(tmp_path / 'DUTS') / 'train.txt').write_text('a\n')
    (state,) = look(saliency(tmp_path / 'DUTS', encoding='scribble'))
    assert state.state == 'wrong'
    assert state.problem.endswith('salseg convert S-DUTS SOURCE')
    (state,) = look(saliency(tmp_path / 'own'))
    assert state.problem.endswith('It is for data of your own: salseg convert painted|labelme SOURCE')


def test_a_folder_that_holds_nothing_is_absent(tmp_path):
    (tmp_path / 'ECSSD').mkdir()
    (tmp_path / 'ECSSD/.DS_Store').write_text('')
    (state,) = look(saliency(tmp_path / 'ECSSD'))
    assert state.state == 'absent'
    assert 'ECSSD holds nothing.' in state.problem


def test_groups_that_are_absent_or_have_another_folder_are_a_sentence(tmp_path):
    # Was a FileNotFoundError.
    config = dict(type='GroupDataset', data_root=str(tmp_path), image_folder='images/CoCA', label_folder='gts/CoCA')
    (tmp_path / 'gts').mkdir()
    (state,) = look(dict(config, name='CoCA'))
    assert state.state == 'wrong'
    assert f'the folder {tmp_path}/images/CoCA does not exist' in state.problem
    (state,) = look(dict(type='GroupDataset', data_root=str(groups(tmp_path / 'CoCA'))))
    assert state.counts == dict(groups=2, images=5)
    assert state.published == dict(groups=(80,), images=(1295,))


def test_a_list_that_names_what_is_not_there_is_wrong_also_quickly(tmp_path):
    root = images(tmp_path / 'ECSSD')
    (root / 'test.txt').write_text('a\nz\n')
    (state,) = look(saliency(root, list_file='test.txt'), quick=True)
    assert state.state == 'wrong'
    assert "names 'z'" in state.problem
    (state,) = look(saliency(root, list_file='val.txt'), quick=True)
    assert 'val.txt' in state.problem
    assert 'converted by: salseg convert ECSSD SOURCE' in state.problem


def test_the_last_item_is_decoded_too_unless_it_must_be_quick(tmp_path):
    root = images(tmp_path / 'ECSSD')
    save(root / 'mask/c.png', mask(size=(10, 10)))
    assert look(saliency(root), quick=True)[0].state == 'ok'
    (state,) = look(saliency(root))
    assert state.state == 'wrong'
    assert 'differ in size' in state.problem


def test_object_ids_that_are_read_as_masks_are_wrong_and_the_message_says_what_fits(tmp_path):
    root = images(tmp_path / 'VOC')
    for name in 'abc':
        save(root / f'mask/{name}.png', mask(value=3), 'P')
    for encoding, state in (('binary', 'wrong'), ('index', 'ok')):
        (found,) = look(saliency(root, encoding=encoding))
        assert found.state == state
    assert "encoding='index'" in look(saliency(root))[0].problem


def test_masks_of_0_and_255_that_are_read_as_ids_are_wrong(tmp_path):
    root = videos(tmp_path / 'DAVIS-2016', palette=False)
    ids = dict(type='ObjectVideos', data_root=str(root), layout='folders', pipeline=LOADING)
    (state,) = look(ids, 'train', quick=True)
    assert (state.state, state.encoding) == ('wrong', 'index')
    assert "encoding='binary'" in state.problem
    (state,) = look(dict(ids, data_root=str(videos(tmp_path / 'DAVIS-2017'))), 'train')
    assert (state.state, state.counts) == ('ok', {'videos': 2})


def test_every_line_of_a_list_of_files_is_looked_for(tmp_path):
    root = images(tmp_path / 'many')
    lines = [f'image/{name}.jpg\tmask/{name}.png' for name in ('a', 'gone', 'c')]
    (root / 'pairs.txt').write_text('\n'.join(lines))
    listed = dict(type='ListedDataset', data_root=str(root), list_file='pairs.txt', pipeline=LOADING)
    assert look(listed, quick=True)[0].state == 'ok'
    (state,) = look(listed)
    assert 'names 2 files that are not there' in state.problem


def test_sets_inside_composites_are_found_and_drawn_ones_need_nothing(tmp_path):
    composite = dict(
        type='CompositeClips',
        foregrounds=saliency(tmp_path / 'ECSSD'),
        backgrounds=saliency(images(tmp_path / 'MSRA10K')),
    )
    states = look(concat(composite, dict(type='SyntheticImages', length=2)), 'train')
    assert [state.state for state in states] == ['absent', 'ok', 'drawn']


def test_transforms_that_do_not_read_files_are_not_tried(tmp_path):
    pipeline = [*LOADING, dict(type='ComputeFlow', estimator=dict(type='RAFT', weights='nowhere.pth'))]
    dataset = dict(type='ConcatDataset', datasets=[saliency(images(tmp_path / 'ECSSD'))], pipeline=pipeline)
    del dataset['datasets'][0]['pipeline']
    assert look(dataset)[0].state == 'ok'


def test_a_release_is_found_by_the_folder_wherever_data_lies():
    assert [release.name for release in releases_at('/disk/data/DUTS/', KNOWN)] == ['DUTS', 'S-DUTS']
    assert [release.name for release in releases_at('data/ECSSD/part', KNOWN)] == ['ECSSD']
    assert releases_at('data/none', KNOWN) == []


# The command, and what train and test do by themselves.


@pytest.fixture()
def config(tmp_path, monkeypatch):
    """A config file; its test sets are ECSSD, which is here, and HKU-IS, which is not."""
    monkeypatch.chdir(tmp_path)
    images(tmp_path / 'data/ECSSD')
    path = write_tiny_config(tmp_path / 'tiny.py')
    parts = [dict(type='SaliencyDataset', data_root=f'data/{name}') for name in ('ECSSD', 'HKU-IS')]
    path.write_text(path.read_text() + f'test_dataloader = dict(test_dataloader, dataset=dict(\n'
                    f"    type='ConcatDataset', datasets={parts!r}, pipeline=test_pipeline))\n")  # fmt: skip
    return path


def reading(config, loader, dataset):
    """The config with another data set of one loader."""
    path = config.with_name('other.py')
    path.write_text(f'{config.read_text()}{loader} = dict({loader}, dataset={dataset!r})\n')
    return str(path)


def test_the_command_says_all_and_ends_with_1_if_something_lacks(config, capsys):
    assert main(['check-data', '--config', str(config)]) == 1
    text = capsys.readouterr().out
    assert 'test set HKU-IS: data/HKU-IS is not there.' in text
    assert '1 of 4 sets cannot be read' in text
    images(config.parent / 'data/HKU-IS')
    assert main(['check-data', '--config', str(config)]) == 0
    assert 'all that training and testing read is here' in capsys.readouterr().out


def test_the_command_takes_options_of_the_config_and_no_folder_beside_it(config, capsys):
    options = [
        '--cfg-options',
        "test_dataloader.dataset.datasets=[{'type': 'SaliencyDataset', 'data_root': 'data/ECSSD'}]",
    ]
    assert main(['check-data', '--config', str(config), *options]) == 0
    assert main(['check-data', 'data/ECSSD', '--config', str(config)]) == 2
    assert main(['check-data', 'data/ECSSD', *options]) == 2
    assert 'add --config CONFIG' in capsys.readouterr().err


def test_training_refuses_an_absent_set_before_anything_is_built_or_written(config):
    path = reading(config, 'train_dataloader', saliency('data/own'))
    with pytest.raises(DataError, match='train set own: data/own is not there') as caught:
        train(path, {'model.backbone.weights': 'nowhere.pth'}, releases=releases())
    assert f'salseg check-data --config {path}' in str(caught.value)
    assert not (config.parent / 'work_dirs').exists()


def test_training_does_not_refuse_because_of_a_count_or_an_absent_test_set(config):
    loaded = load_config(reading(config, 'train_dataloader', saliency('data/ECSSD')))
    require_sets(loaded, 'tiny', releases())


def test_an_absent_validation_set_ends_a_training_before_its_first_step(config):
    loaded = load_config(reading(config, 'val_dataloader', saliency('data/THUR15K')))
    with pytest.raises(DataError, match='val set THUR15K'):
        require_sets(loaded, 'tiny', releases())


def test_a_test_leaves_absent_sets_out_and_the_table_says_so(config, tmp_path):
    train(str(config), work_dir='run')
    metrics = run_test(str(config), 'run', releases=releases())
    assert {key.partition('/')[0] for key in metrics} == {'ECSSD'}
    (log,) = (tmp_path / 'run/test').glob('*/*.log')
    text = log.read_text()
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in text.splitlines() if line.startswith('| ')]
    assert ['HKU-IS', 'not here'] in [row[:2] for row in rows]
    assert ['ECSSD', '3'] in [row[:2] for row in rows]
    assert 'left out: test set HKU-IS: data/HKU-IS is not there.' in text


def test_a_test_fails_if_no_set_is_here_or_one_that_is_cannot_be_read(config, tmp_path, capsys):
    save(tmp_path / 'data/ECSSD/mask/a.png', np.full(SIZE, 3, np.uint8), 'P')
    with pytest.raises(DataError, match="encoding='index'"):
        skip_absent(load_config(str(config)), 'tiny')
    for path in sorted((tmp_path / 'data').rglob('*'), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    torch.save({'state_dict': {}}, tmp_path / 'none.pth')
    assert main(['test', str(config), str(tmp_path / 'none.pth')]) == 2
    message = capsys.readouterr().err
    assert all(f'test set {name}: data/{name} is not there' in message for name in ('ECSSD', 'HKU-IS'))
