import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from salseg.cli import main
from salseg.errors import DataError
from salseg.evaluation.folders import name_methods
from salseg.evaluation.protocols import PROTOCOLS
from salseg.io.annotations import read_annotation
from salseg.evaluation.shards import launched_shard, parse_shard
from salseg.io.lists import read_names
from tests.evaluation.trees import label_tree, map_tree, save_labels

ROOT = Path(__file__).resolve().parents[2]


def test_works_on_bare_folders_and_prints_protocol_and_counts(tmp_path, capsys):
    predictions, truth = map_tree(tmp_path, ['1', '2'])
    assert main(['evaluate', str(predictions), str(truth), '--protocol', 'sod', '--processes', '1']) == 0
    out = capsys.readouterr().out
    assert '+ sod ' in out
    assert 'counted: 2 images' in out


def test_several_methods_are_ranked(tmp_path, capsys):
    predictions, truth = map_tree(tmp_path, ['1', '2'])
    folders = [f'ours={predictions}', f'oracle={truth}', str(truth)]
    assert main(['evaluate', *folders, '--protocol', 'sod', '--processes', '1']) == 0
    out = capsys.readouterr().out
    assert out.index('| 1 | oracle') < out.index('| 2 | ours')


def test_missing_predictions_end_with_status_2_and_the_message(tmp_path, capsys):
    predictions, truth = map_tree(tmp_path, ['1', '2'])
    (predictions / '2.png').unlink()
    assert main(['evaluate', str(predictions), str(truth), '--protocol', 'sod', '--processes', '1']) == 2
    assert 'missing, 1 in all' in capsys.readouterr().err
    arguments = [str(predictions), str(truth), '--protocol', 'sod', '--processes', '1', '--allow-missing']
    assert main(['evaluate', *arguments]) == 0
    assert '1 MISSING predictions scored as empty' in capsys.readouterr().out


def test_a_misspelt_measure_is_named_before_any_file_is_read(tmp_path, capsys):
    predictions, truth = map_tree(tmp_path, ['1', '2'])
    arguments = [str(predictions), str(truth), '--protocol', 'sod', '--processes', '1', '--metrics', 'mae,fmax']
    assert main(['evaluate', *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("salseg evaluate: DataError: unknown metrics ['fmax']; known are ['mae', ")
    assert 'unreadable' not in error


def test_a_misspelt_column_is_named_and_not_left_out_in_silence(tmp_path, capsys):
    predictions, truth = map_tree(tmp_path, ['1', '2'])
    arguments = [str(predictions), str(truth), '--protocol', 'sod', '--processes', '1', '--columns']
    assert main(['evaluate', *arguments, 'max_f,fmax']) == 2
    assert "there is no column 'fmax'; did you mean max_f" in capsys.readouterr().err
    assert main(['evaluate', *arguments, 'max_f,mustd_f']) == 0


def test_several_protocols_have_a_table_and_a_folder_each_and_columns_where_they_have_them(tmp_path, capsys):
    predictions, truth = map_tree(tmp_path, ['a/1', 'a/2', 'b/1', 'b/2'])
    arguments = [str(predictions), str(truth), '--processes', '1', '--protocol', 'sod,cosod-evalcosod']
    assert main(['evaluate', *arguments, '--columns', 'mustd_f,auc', '--out', str(tmp_path / 'o')]) == 0
    out = capsys.readouterr().out
    heads = [line.split('|')[3:-1] for line in out.splitlines() if '| method ' in line]
    assert [[cell.strip() for cell in head] for head in heads] == [['mustd F', 'AUC'], ['AUC']]
    assert {path.name for path in (tmp_path / 'o').iterdir()} == {'sod', 'cosod-evalcosod'}
    assert main(['evaluate', *arguments, '--columns', 'all']) == 0
    assert 'max IoU' in capsys.readouterr().out
    assert main(['evaluate', *arguments, '--columns', 'mustd_f']) == 2
    assert 'cosod-evalcosod has no column of mustd_f; it has max_f' in capsys.readouterr().err


def test_every_protocol_is_listed_with_its_rule(capsys):
    assert main(['evaluate', '--list-protocols']) == 0
    out = capsys.readouterr().out
    for protocol in PROTOCOLS.values():
        assert protocol.name in out
        assert protocol.rule in out


@pytest.mark.parametrize('arguments', [[], ['a'], ['a', 'b']])
def test_too_little_says_what_is_expected(arguments, capsys):
    assert main(['evaluate', *arguments]) == 2
    assert 'expected salseg evaluate PRED [PRED ...] GT' in capsys.readouterr().err


def test_scores_without_torch_and_with_processes(tmp_path):
    predictions, truth = map_tree(tmp_path, [f'{i:02d}' for i in range(40)])
    code = (
        'import sys; from salseg.cli import main; status = main(sys.argv[1:]); assert "torch" not in sys.modules; '
        'sys.exit(status)'
    )
    arguments = ['evaluate', str(predictions), str(truth), '--protocol', 'sod', '--processes', '2']
    command = [sys.executable, '-c', code, *arguments, '--out', str(tmp_path / 'o')]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / 'o/metrics.json').read_text())['methods'][0]['counted'] == {'images': 40}


def test_two_launched_ranks_shard_the_work_and_one_reports(tmp_path):
    predictions, truth = map_tree(tmp_path, [f'{i:02d}' for i in range(40)])
    command = [sys.executable, '-m', 'salseg', 'evaluate', str(predictions), str(truth), '--protocol', 'sod',
               '--launcher', 'pytorch', '--out', str(tmp_path / 'o')]  # fmt: skip
    rank = {'WORLD_SIZE': '2'}
    ranks = [
        subprocess.Popen(command, cwd=ROOT, env={**os.environ, **rank, 'RANK': str(r)}, stdout=subprocess.PIPE)
        for r in (0, 1)
    ]
    outputs = [rank.communicate(timeout=60)[0].decode() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0]
    assert 'counted: 40 images' in outputs[0]
    assert outputs[1].strip() == ''
    there = sorted(path.name for path in (tmp_path / 'o/records').iterdir())
    assert there == ['run.json', 'shard-0-of-2.jsonl', 'shard-1-of-2.jsonl']


def meta_of(objects):
    videos = {v: {k: dict(category=c, frames=f) for k, (c, f) in o.items()} for v, o in objects.items()}
    return dict(videos={v: dict(objects=o) for v, o in videos.items()})


def test_youtube_vos_averages_seen_and_unseen_categories(tmp_path, capsys):
    predictions, truth = label_tree(tmp_path, {'v': 4})
    # Object 1 is right in every frame that is listed for it, object 2 is missed wherever it counts.
    for t in range(1, 4):
        labels = read_annotation(truth / f'v/{t:05d}.png', 'index')
        labels[labels == 2] = 0
        if t == 3:
            labels[:] = 0
        save_labels(predictions / f'v/{t:05d}.png', labels)
    frames = [f'{t:05d}' for t in range(4)]
    (tmp_path / 'meta.json').write_text(json.dumps(meta_of({'v': {'1': ('cat', frames[:3]), '2': ('yak', frames)}})))
    (tmp_path / 'seen.txt').write_text('cat\n')
    arguments = ['evaluate', str(predictions), str(truth), '--protocol', 'ytvos', '--processes', '1']
    arguments += ['--out', str(tmp_path / 'o')]
    assert main([*arguments, '--seen', str(tmp_path / 'seen.txt')]) == 0
    metrics = json.loads((tmp_path / 'o/metrics.json').read_text())['methods'][0]['metrics']
    assert metrics == dict(J_seen=1, F_seen=1, J_unseen=0, F_unseen=0, G=0.5)
    capsys.readouterr()
    assert main(arguments) == 2
    assert '--seen FILE' in capsys.readouterr().err
    # An object that is listed in the frame that gives it alone counts nowhere; a frame that counts needs its labels.
    objects = {'1': ('cat', frames[:3]), '2': ('yak', frames), '3': ('yak', frames[3:])}
    (tmp_path / 'meta.json').write_text(json.dumps(meta_of({'v': objects})))
    arguments = [*arguments[:-2], '--seen', str(tmp_path / 'seen.txt'), '--columns', 'G']
    assert main(arguments) == 0
    assert '0.5000' in capsys.readouterr().out
    (truth / 'v/00002.png').unlink()
    assert main([*arguments, '--allow-extra']) == 2
    assert "1 of the 3 frames that meta.json lists for 'v' have no ground truth, e.g. 00002" in capsys.readouterr().err


def test_names_of_methods_are_the_shortest_ends_that_tell_them_apart(tmp_path):
    for name in ('a/maps', 'b/maps', 'c'):
        (tmp_path / name).mkdir(parents=True)
    folders = [str(tmp_path / n) for n in ('a/maps', 'b/maps', 'c')]
    assert list(name_methods(folders)) == ['a/maps', 'b/maps', 'c']
    assert list(name_methods([f'x={folders[0]}', folders[1]])) == ['x', 'b/maps']
    with pytest.raises(DataError, match='two folders'):
        name_methods([f'x={folders[0]}', f'x={folders[1]}'])


def test_shards_are_read_and_refused():
    assert parse_shard('2/4') == (1, 4)
    for text in ('0/4', '5/4', '2', 'a/b'):
        with pytest.raises(DataError, match='expected K/N'):
            parse_shard(text)
    with pytest.raises(DataError, match='srun'):
        launched_shard('slurm')


def test_lists_of_davis_2016_give_sequences(tmp_path):
    file = tmp_path / 'val.txt'
    file.write_text('/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png\n'
                    '/JPEGImages/480p/bear/00001.jpg /Annotations/480p/bear/00001.png\n*frog\n')  # fmt: skip
    assert read_names(file) == ['bear', 'frog']
