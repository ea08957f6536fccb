"""The archives that a page's reader has downloaded, as miniatures: each release of its `salseg convert NAME downloads/...`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from salseg.apis.stages import find_chain
from salseg.catalog import model_cards
from salseg.cli.main import build_parser
from salseg.engine.config import load_config
from tests.docs.pages import ROOT, blocks, commands, reason_to_parse
from tests.projects.release_tree import order, read_releases, roots, variant
from tests.releases import MAKERS, make


def write_downloads(page: str) -> None:
    """Below ``downloads`` in the present folder, with the videos and lengths that the configs of the page ask for."""
    asked, models = {}, []
    for words in _salseg_commands(page):
        if words[0] == 'convert' and len(words) == 3 and words[1] in MAKERS and words[2].startswith('downloads/'):
            asked[words[1]] = Path(words[2])
        elif words[0] in ('train', 'test', 'precompute'):
            models += _models(words)
    if asked:
        _write(asked, models)


def _salseg_commands(page: str) -> Iterator[list[str]]:
    for block in blocks(page):
        if block.language == 'bash':
            for command in commands(block):
                if command.words[0] == 'salseg' and len(command.words) > 1 and reason_to_parse(command) is None:
                    yield list(command.words[1:])


def _models(words: list[str]) -> list[str]:
    args = build_parser().parse_args(words)
    if getattr(args, 'stages', None) is None:
        # A data set's folder, a run's folder or a config that the page writes asks for no release.
        return [args.model] if args.model in model_cards() or (ROOT / args.model).is_file() else []
    return [stage.model for stage in find_chain(args.model, args.stages)[2]]


def _write(asked: dict[str, Path], models: Iterable[str]) -> None:
    read = read_releases(roots(load_config(model) for model in dict.fromkeys(models)))
    # The scribbles come with the images that they belong to.
    for name in sorted(asked, key=lambda name: name != 'S-DUTS'):
        if asked[name].exists():
            continue
        release = make(name, Path('archives').resolve() / name, variant(name, read[name]), **order(read[name]))
        for part in (release, *release.before):
            place = asked.get(part.name)
            if place is not None and not place.exists():
                place.parent.mkdir(exist_ok=True)
                place.symlink_to(part.source.resolve())
