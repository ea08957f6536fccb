"""Files for the host and for readers say what the code says."""

import re

import pytest
import yaml

from salseg.version import __version__
from tests.needs import ROOT


def requirements():
    return (ROOT / 'setup.py').read_text()


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def test_the_matrix_holds_every_supported_python_and_three_releases_of_torch():
    matrix = read('.github/workflows/test.yml')['jobs']['suite']['strategy']['matrix']
    assert matrix['python'] == re.findall(r"'Programming Language :: Python :: (3\.\d+)'", requirements())
    assert matrix['torch'] == ['oldest', 'fresh', 'newest']


def test_the_script_of_the_matrix_reads_the_oldest_torch_from_the_requirements():
    script = (ROOT / 'tools/misc/test_matrix.sh').read_text()
    # The expression of sed, with Python's spelling of a group.
    (found,) = re.findall(r'sed -n \"s/(.*?)/', script)
    expression = found.replace(r'\(', '(').replace(r'\)', ')')
    (oldest,) = (match[1] for line in requirements().splitlines() if (match := re.search(expression, line)))
    assert re.fullmatch(r'2\.\d+', oldest)


@pytest.mark.parametrize('name', ['test', 'docs'])
def test_workflows_run_commands_that_exist(name):
    makefile = (ROOT / 'Makefile').read_text()
    jobs = read(f'.github/workflows/{name}.yml')['jobs'].values()
    commands = [step['run'].split() for job in jobs for step in job['steps'] if 'run' in step]
    assert commands
    for command in commands:
        if command[0] == 'make':
            assert re.search(f'^{command[1]}:', makefile, re.MULTILINE)
        elif command[0] != 'tail':
            assert (ROOT / command[0]).is_file()


def test_the_citation_names_this_version_and_no_person():
    citation = read('CITATION.cff')
    assert citation['version'] == __version__
    assert citation['authors'] == [{'name': 'The salseg developers'}]


@pytest.mark.parametrize('path', ['.github/ISSUE_TEMPLATE/bug.yml', '.github/ISSUE_TEMPLATE/feature.yml'])
def test_forms_have_a_name_and_fields_of_known_kinds(path):
    form = read(path)
    assert form['name']
    assert form['description']
    assert {field['type'] for field in form['body']} <= {'markdown', 'textarea', 'checkboxes', 'input', 'dropdown'}
    assert all(field['attributes'].get('label') or field['type'] == 'markdown' for field in form['body'])


def test_the_security_page_tells_code_from_data():
    text = ' '.join((ROOT / 'SECURITY.md').read_text().split())
    assert 'Config files are code and are executed' in text
    assert 'Run folders are data' in text
    assert '`weights_only=True`' in text
