"""What the documentation tells a reader to type, typed.

How a page is read: ``tests/docs/pages.py``; how a command is made small: ``tests/docs/commands.py``.
"""

import subprocess

import pytest

from tests.docs.pages import REASONS, ROOT, anchors, blocks, commands, links, pages, reason_to_parse, unfenced
from tests.needs import needs_project

# Its small model is trained once for all pages.
needs_project('scwssod')

PAGES = pages()
LANGUAGES = ('bash', 'python', 'text', 'yaml', 'json')


@pytest.fixture(scope='session')
def finished_run(tmp_path_factory):
    """A run of scwssod-lite of one step, which all pages share."""
    from tests.docs.commands import run
    from tests.docs.pages import Command

    folder = tmp_path_factory.mktemp('quickstart') / 'run'
    run(Command('the shared run', ('salseg', 'train', 'scwssod-lite', '--work-dir', str(folder))))
    return folder


def read(page):
    """Commands of a page, with a failure in the page's own test rather than while collecting."""
    try:
        return [command for block in blocks(page) if block.language == 'bash' for command in commands(block)]
    except AssertionError:
        return []


def parsed_only():
    """Commands that a test cannot run, each named with the reason."""
    found = []
    for page in PAGES:
        for command in read(page):
            reason = reason_to_parse(command)
            if reason:
                found.append(pytest.param(command, id=f'{command.where} {" ".join(command.words[:3])}: {reason}'))
    return found


@pytest.mark.parametrize('page', PAGES)
def test_the_blocks_of_a_page_are_well_formed(page):
    hidden = unfenced(page)
    assert not hidden, 'commands stand in ```bash blocks, where they are tried:\n' + '\n'.join(hidden)
    for block in blocks(page):
        assert block.language in LANGUAGES, f'{block.where}: name the language of the block, one of {LANGUAGES}'
        assert block.mark is None or block.mark in REASONS, f'{block.where}: {block.mark!r}; known: {sorted(REASONS)}'
        if block.language == 'python':
            compile(block.text, block.where, 'exec')
        elif block.language == 'bash':
            commands(block)
            done = subprocess.run(['bash', '-n'], input=block.text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f'{block.where}: {done.stderr}'


@pytest.mark.parametrize('page', PAGES)
def test_a_page_does_what_it_says(page, finished_run, tmp_path, monkeypatch):
    from tests.docs.play import ISOLATED, play, play_in_a_copy
    from tests.docs.sandbox import make_sandbox

    isolated = page in ISOLATED
    sandbox = make_sandbox(tmp_path / 'salseg', finished_run, isolated)
    monkeypatch.chdir(sandbox)
    if isolated:
        play_in_a_copy(page, sandbox)
    else:
        play(page)


def test_on_pages_of_projects_only_what_needs_the_authors_weights_is_marked():
    marked = {block.where: block.mark for page in PAGES if page.startswith('projects/') for block in blocks(page)}
    assert {where for where, mark in marked.items() if mark not in (None, 'weights')} == set()


@pytest.mark.parametrize('command', parsed_only())
def test_what_cannot_be_run_here_is_at_least_parsed(command, tmp_path, monkeypatch):
    from tests.docs.commands import parse

    monkeypatch.chdir(ROOT)
    parse(command)


@pytest.mark.parametrize('page', [*PAGES, 'CHANGELOG.md'])
def test_every_link_of_a_page_leads_somewhere(page):
    broken = []
    for line, target in links(page):
        name, _, anchor = target.partition('#')
        file = (ROOT / page).parent / name if name else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(f'{page}:{line}: {target}')
    assert not broken, '\n'.join(broken)


def test_every_guide_is_reached_from_the_front_page():
    reached, waiting = set(), [ROOT / 'README.md']
    while waiting:
        page = waiting.pop().resolve()
        if page not in reached and page.suffix == '.md' and page.is_file():
            reached.add(page)
            inside = links(str(page.relative_to(ROOT)))
            waiting += [page.parent / target.partition('#')[0] for _, target in inside if not target.startswith('#')]
    lost = [page for page in PAGES if (ROOT / page).resolve() not in reached]
    assert not lost, f'no link leads from README.md to {", ".join(lost)}'


def test_every_loss_of_the_package_is_described():
    from salseg.registry import LOSSES

    LOSSES.import_from_location()
    text = (ROOT / 'docs/en/losses.md').read_text()
    own = [name for name, loss in LOSSES.module_dict.items() if loss.__module__.startswith('salseg.')]
    missing = [name for name in own if f'| `{name}` |' not in text]
    assert not missing, f'docs/en/losses.md has no row for {", ".join(missing)}'


def test_the_card_of_the_small_model_counts_its_parameters():
    from salseg.apis import init_model
    from salseg.catalog import model_cards

    model = init_model('scwssod-lite', device='cpu')
    assert model_cards()['scwssod-lite']['Parameters'] == sum(p.numel() for p in model.parameters())
