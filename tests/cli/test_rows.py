"""`salseg rows`: the register as a table, for LaTeX, and with what runs left."""

import json

import pytest

from salseg.cli import main
from tests.needs import ROOT, needs_project

needs_project('scwssod')

CONFIG = 'scwssod_r50_released-pce_duts-scribble-320'


def leave_test(folder, options=None, config=f'scwssod/configs/{CONFIG}.py', metrics=None):
    """What `salseg train` and `salseg test` leave of a run, metrics made up."""
    from salseg.engine.config import load_config, write_run_config

    written = load_config(str(ROOT / 'projects' / config), options)
    for place in (folder, folder / 'test'):
        place.mkdir(parents=True)
        write_run_config(written, place)
    for time, value in (('20260101_000000', 0.1), ('20260102_000000', 0.7215)):
        (folder / 'test' / time).mkdir()
        (folder / 'test' / time / f'{time}.json').write_text(
            json.dumps(metrics or {'DUTS/adaptive_f': value, 'DUTS/mae': 0.06})
        )


def test_the_table_has_config_prompt_set_and_the_papers_numbers(capsys):
    assert main(['rows', 'scwssod', '--table', '4.3']) == 0
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if '2, AGGM' in line and CONFIG in line]
    assert [cell.strip() for cell in line.strip('|').split('|')] == [
        '2, AGGM', CONFIG, 'S-DUTS', '', 'DUTS', 'paper', '0.706', '0.845', '0.064'
    ]  # fmt: skip
    assert '4, all' in shown
    assert 'as 4.1, 4.2: Ours' in shown


def test_results_of_the_newest_test_stand_beside_the_papers(tmp_path, capsys):
    leave_test(tmp_path / 'runs/pce')
    assert main(['rows', 'scwssod', '--table', '4.3', '--runs', str(tmp_path / 'runs')]) == 0
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if '| run 1 ' in line]
    assert [cell.strip() for cell in line.strip('|').split('|')][4:] == ['DUTS', 'run 1', '0.7215', '', '0.06']
    assert f'run 1: {tmp_path}/runs/pce/test/20260102_000000/20260102_000000.json' in shown


def test_results_of_a_protocol_that_is_not_the_first_are_found_under_its_name(tmp_path, capsys):
    needs_project('rcrnet')
    folder, stem = tmp_path / 'runs/student', 'rcrnet-ner_r50_released_video-sets-1-5-448'
    leave_test(folder, config=f'rcrnet/configs/{stem}.py', metrics={
        'DAVIS-2016/max_f': 0.8, 'DAVIS-2016/davis16/J_mean': 0.7, 'FBMS/davis16/J_mean': 0.5, 'FBMS/fbms/J_mean': 0.6,
    })  # fmt: skip
    assert main(['rows', 'rcrnet', '--table', '5', '--runs', str(tmp_path / 'runs')]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if '| run ' in line]
    assert [[cell.strip() for cell in line.strip('|').split('|')][4:] for line in lines] == [
        ['DAVIS-2016', 'run 1', '0.7', ''], ['FBMS', 'run 2', '0.6', '']
    ]  # fmt: skip


def test_a_run_of_another_recipe_is_marked_with_the_key_that_differs(tmp_path, capsys):
    leave_test(tmp_path / 'runs/pce', {'train_dataloader.batch_size': 3})
    assert main(['rows', 'scwssod', '--table', '4.3', '--runs', str(tmp_path / 'runs')]) == 0
    assert 'not the recipe of the row: train_dataloader.batch_size differs' in capsys.readouterr().out


def test_latex_has_a_table_for_each_of_the_papers(capsys):
    assert main(['rows', 'scwssod', '--latex']) == 0
    shown = capsys.readouterr().out
    assert shown.count(r'\begin{table}') == shown.count(r'\end{table}') == 5
    assert r'scwssod\_r50\_released-pce\_duts-scribble-320' in shown


@pytest.mark.parametrize(('arguments', 'message'), [
    (['nothing'], "no project 'nothing' has a register of rows. There are:"),
    (['scwssod', '--table', '9'], 'has no such table; expected one of 4.1, 4.2, 4.3'),
    (['scwssod', '--runs', '/nowhere'], '--runs /nowhere: there is no such folder'),
])  # fmt: skip
def test_what_is_not_there_is_said_with_what_is(arguments, message, capsys):
    assert main(['rows', *arguments]) == 2
    assert message in capsys.readouterr().err
