import json

import pytest

from salseg.cli import main
from tests.datasets.checking.folders import images, mask, save


@pytest.fixture()
def root(tmp_path):
    return images(tmp_path / 'set')


def test_the_status_tells_sound_wrong_and_unusable_apart(root, tmp_path, capsys):
    assert main(['check-data', str(root)]) == 0
    save(root / 'mask/b.png', mask((5, 5)))
    assert main(['check-data', str(root)]) == 1
    assert main(['check-data', str(tmp_path / 'nowhere')]) == 2
    assert 'does not exist' in capsys.readouterr().err


def test_report_json_and_list_are_written(root, tmp_path, capsys):
    save(root / 'mask/b.png', mask((5, 5)))
    arguments = ['--json', str(tmp_path / 'out/report.json'), '--write-list', str(tmp_path / 'out/clean.txt')]
    assert main(['check-data', str(root), *arguments]) == 1
    text = capsys.readouterr().out
    assert 'mask/b.png: image 32x24, mask 5x5' in text
    assert '2 names written to' in text
    assert json.loads((tmp_path / 'out/report.json').read_text())['findings']['size-differs']['count'] == 1
    assert (tmp_path / 'out/clean.txt').read_text() == 'a\nc\n'


def test_tables_of_sets_and_findings_are_shown(capsys):
    assert main(['check-data', '--list-sets']) == 0
    assert main(['check-data', '--list-findings']) == 0
    text = capsys.readouterr().out
    assert 'DUTS-TR          10,553 annotated' in text
    assert 'size-differs' in text


@pytest.mark.parametrize(
    'arguments', [[], ['--threads', '0', '.'], ['.', '--against', 'nowhere'], ['.', '--list', 'no.txt']]
)
def test_arguments_that_cannot_be_used_are_refused(arguments, capsys):
    assert main(['check-data', *arguments]) == 2
    assert 'DataError' in capsys.readouterr().err
