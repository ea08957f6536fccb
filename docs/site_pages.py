"""Pages of the site that lie elsewhere in the repository, and links between all of them; a hook of mkdocs.

README.md becomes the front page, each project's README a page of its own; one that `mkdocs.yml` does not list is put behind
those that it does. Links are written as they work in the
repository; here they are turned into links between pages, and those to files that are no pages into plain names.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    'README.md': 'index.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changes.md',
    'projects/README.md': 'projects/index.md',
}
_LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)\s]+)\)')
_FENCE = re.compile(r'^(```.*?^```$)', re.MULTILINE | re.DOTALL)


def pages() -> dict[str, str]:
    """Page of the site by file of the repository, of those outside docs/en."""
    papers = sorted(ROOT.glob('projects/*/README.md'))
    return {**PAGES, **{f'projects/{path.parent.name}/README.md': f'projects/{path.parent.name}.md' for path in papers}}


def on_config(config: Any) -> Any:
    """Add the projects that the table of contents does not list."""
    config.nav = with_projects(config.nav)
    return config


def with_projects(nav: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A table of contents with every project below *Papers*, under the first heading of its page."""
    listed = {page for section in nav for entries in section.values() for page in _pages_of(entries)}
    new = [
        {_title(ROOT / source): target}
        for source, target in pages().items()
        if source.endswith('/README.md') and target not in listed
    ]
    return [{name: entries + new if name == 'Papers' else entries for name, entries in part.items()} for part in nav]


def _pages_of(entries: Any) -> list[str]:
    return [entries] if isinstance(entries, str) else [page for entry in entries for page in entry.values()]


def _title(page: Path) -> str:
    return page.read_text(encoding='utf-8').partition('\n')[0].removeprefix('# ')


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from elsewhere."""
    for source, target in pages().items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text(encoding='utf-8')))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn the links of a page."""
    sources = {target: source for source, target in pages().items()}
    here = page.file.src_uri
    source = sources.get(here, f'docs/en/{here}')
    parts = _FENCE.split(markdown)
    # Every second part is a fenced block, which stays as it is.
    parts[::2] = [_LINK.sub(lambda match: turned(match, source, here), part) for part in parts[::2]]
    return ''.join(parts)


def turned(match: re.Match[str], source: str, here: str) -> str:
    """A link of a file of the repository as one of the page ``here``."""
    image, text, target = match.groups()
    if re.match(r'[a-z]+:|#', target):
        return match.group(0)
    path, _, anchor = target.partition('#')
    found = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if found.startswith('docs/en/'):
        page = found.removeprefix('docs/en/')
    elif found in pages():
        page = pages()[found]
    else:
        return f'{text} (`{found}`)'
    link = posixpath.relpath(page, posixpath.dirname(here) or '.')
    return f'{image}[{text}]({link}{"#" + anchor if anchor else ""})'
