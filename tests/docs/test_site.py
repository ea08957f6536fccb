"""The site is built without a warning, and every page is in its table of contents."""

import re
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT, pages
from tests.scripts import load_script

mkdocs = pytest.importorskip('mkdocs', reason='the site is built by mkdocs, extra docs')
pytest.importorskip('mkdocstrings', reason='the API reference is built by mkdocstrings, extra docs')
IMAGES = 500_000


def test_the_site_is_built_strictly_and_links_lead_to_pages(tmp_path):
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(ROOT / 'mkdocs.yml'), strict=True, site_dir=str(tmp_path))
    build(config)
    built = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*.html')}
    assert {'index.html', 'projects/xmem.html', 'task_vos.html', 'api/ops.html'} <= built
    assert 'id="salseg.ops.dice_distance"' in (tmp_path / 'api/ops.html').read_text(encoding='utf-8')
    broken = []
    for name in sorted(built - {'404.html'}):
        for target in re.findall(r'(?:href|src)="([^"#:]+)(?:#[^"]*)?"', (tmp_path / name).read_text(encoding='utf-8')):
            if not (tmp_path / name).parent.joinpath(target).resolve().exists():
                broken.append(f'{name}: {target}')
    assert not broken, '\n'.join(broken)


def nav_pages(nav):
    """Pages of a table of contents."""
    for part in nav:
        for entries in part.values():
            yield from [entries] if isinstance(entries, str) else nav_pages(entries)


def test_every_page_of_the_repository_is_on_the_site():
    content = yaml.safe_load((ROOT / 'mkdocs.yml').read_text(encoding='utf-8'))
    listed = set(nav_pages(site_pages().with_projects(content['nav'])))
    wanted = {page.removeprefix('docs/en/') for page in pages() if page.startswith('docs/en/')}
    wanted |= {f'projects/{Path(page).parent.name}.md' for page in pages() if re.match(r'projects/\w+/README', page)}
    assert not wanted - listed
    assert content['docs_dir'] == 'docs/en'


def test_a_new_project_needs_no_entry_in_the_table_of_contents():
    nav = yaml.safe_load((ROOT / 'mkdocs.yml').read_text(encoding='utf-8'))['nav']
    papers = next(part for part in nav if 'Papers' in part)
    template = next(entry for entry in papers['Papers'] if 'projects/example_project.md' in entry.values())
    papers['Papers'].remove(template)
    filled = next(part for part in site_pages().with_projects(nav) if 'Papers' in part)
    assert filled['Papers'][-1] == {'Example project': 'projects/example_project.md'}
    assert len(filled['Papers']) == len(papers['Papers']) + 1


def site_pages():
    """The hook of mkdocs, which lies in no package."""
    return load_script(ROOT / 'docs/site_pages.py')


def test_images_of_the_pages_are_small():
    images = [path for path in (ROOT / 'docs/en/images').iterdir() if path.suffix in ('.jpg', '.png', '.gif')]
    assert {path.stem for path in images} >= {'sod', 'cosod', 'vsod', 'vos'}
    assert sum(path.stat().st_size for path in images) <= IMAGES
