"""The tree that all configs read, made as a user makes it: archives, `salseg convert`, and what recipes make themselves.

What is made is found from the configs: every ``data/<NAME>`` of a converter by that NAME, with the videos that lists of
the repository name; pseudo-labels by the generator whose sets and interval are those of the folder's name.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.config import Config
from PIL import Image, ImageDraw

from salseg.apis.converting import releases
from salseg.cli import main
from salseg.datasets.synthetic import write_dataset
from salseg.engine.config import load_config
from salseg.releases import releases_at
from tests.projects.tiny_runs import FRAMES, IMAGE, data_sets, write_pseudo_labels, write_synthetic
from tests.releases import MAKERS, make

# Height and width of the releases' images.
SIZE = (40, 48)
# ``data/pseudo/[<sets or generator>-]<m>-<l>``: m labels made between two kept ones, every l-th of which is kept.
ROW = re.compile(r'(?:(?P<which>.+)-)?(?P<between>\d+)-(?P<interval>\d+)')
# Videos of a list that are long enough for three kept labels, and those that are labelled; a student needs no more.
LONG, LABELLED = 2, 1

Node = Mapping[str, Any]


def salseg(*words: str) -> None:
    """Run a command in this process."""
    status = main(list(words))
    assert status == 0, f'salseg {" ".join(words)}: status {status}'


def lines_of(path: Path) -> list[str]:
    """The videos of a list, of which no name has a blank."""
    return path.read_text(encoding='utf-8').split()


def roots(configs: Iterable[Config]) -> dict[PurePosixPath, list[Node]]:
    """The data sets of all configs by their data root."""
    found: dict[PurePosixPath, list[Node]] = defaultdict(list)
    for config in configs:
        for _, node in data_sets(config._cfg_dict):
            if 'data_root' in node:
                found[PurePosixPath(node['data_root'])].append(node)
    return found


def order(nodes: Iterable[Node]) -> dict[str, Any]:
    """What a maker is asked for, so that the lists and the distances of labels of all data sets of a release exist."""
    asked: dict[str, Any] = {'size': SIZE}
    names: dict[str, list[str]] = {}
    lengths: dict[str, int] = {}
    for node in nodes:
        lines, interval = Path(node.get('list_file') or ''), node.get('label_interval', 1)
        if lines.is_absolute():
            names[lines.stem.rpartition('_')[2]] = lines_of(lines)
        if interval > 1:
            # Three kept labels in some videos; the others of whole splits are short, and all frames are annotated.
            first = lines_of(lines)[:LONG]
            lengths |= {name: max(lengths.get(name, 0), 2 * interval + 1) for name in first}
    if names:
        asked |= {'names': names, 'length': FRAMES, 'every': 1, 'lengths': lengths}
    return asked


def variant(name: str, nodes: Iterable[Node]) -> str | None:
    """The form of a release that holds more than the plain one where a config reads that."""
    optional = {'all-frames': 'layout_options', 'lists': 'list_file'}
    wanted = {form for form, key in optional.items() if any(node.get(key) for node in nodes)}
    return next((form for form in MAKERS[name].variants if form in wanted), None)


def read_releases(found: Mapping[PurePosixPath, list[Node]]) -> dict[str, list[Node]]:
    """The data sets of configs by the release whose result they read."""
    read: dict[str, list[Node]] = defaultdict(list)
    for root, nodes in found.items():
        for release in releases_at(root, releases()):
            if not release.own:
                read[release.name] += nodes
    return read


def convert_releases(found: Mapping[PurePosixPath, list[Node]]) -> None:
    """Every release that a config reads, below ``data`` in the present folder."""
    read = read_releases(found)
    for name in sorted(read, key=lambda name: name == 'S-DUTS'):
        release = make(name, Path('archives').resolve() / name, variant(name, read[name]), **order(read[name]))
        for part in (*release.before, release):
            salseg('convert', part.name, str(part.source))


def make_labels(root: PurePosixPath, configs: Mapping[str, Config]) -> None:
    """Pseudo-labels of one folder below ``data``, by the generator that a project's page names for it."""
    row = ROW.fullmatch(root.parts[2]) if root.parts[1] == 'pseudo' else None
    if row is None:
        base = str(root).removesuffix('-pseudo')
        path = next(path for path, config in configs.items() if base in labelled(config))
        write_pseudo_labels(load_config(path), Path(root), Path('generators', root.name))
        return
    out, words = Path(*root.parts[:3]), (row['which'] or '').lower().split('-')
    path = next(path for path, config in configs.items() if makes(path, config, words, int(row['interval'])))
    small = next(config for config in configs.values() if any('synthetic' in base for base in labelled(config)))
    options = []
    for index, node in enumerate(configs[path].pseudo_label_datasets):
        lines = Path('generators', f'{Path(node.list_file).stem}.txt').resolve()
        lines.parent.mkdir(exist_ok=True)
        lines.write_text('\n'.join(lines_of(Path(node.list_file))[:LABELLED]))
        options += [
            f'pseudo_label_datasets.{index}.between={row["between"]}',
            f'pseudo_label_datasets.{index}.list_file={lines}',
        ]
    write_pseudo_labels(load_config(path), out, Path('generators', out.name), *options, model=small.model)


def labelled(config: Config) -> list[str]:
    """Data roots of what a config's generator labels."""
    return [node.data_root for node in config.get('pseudo_label_datasets') or ()]


def makes(path: str, config: Config, words: list[str], interval: int) -> bool:
    """Whether a generator is the one of a row; ``words`` are its only set, if it has one, and its form (gb, gc)."""
    nodes = config.get('pseudo_label_datasets') or ()
    names = [PurePosixPath(root).name.lower() for root in labelled(config)]
    forms = re.findall('-(g[a-z])_', Path(path).name)
    only = [word for word in words if word in names]
    return (
        bool(nodes)
        and all(node.get('label_interval') == interval for node in nodes)
        and forms == [word for word in words if word and word not in only]
        and (names == only if only else len(names) > 1)
    )


def make_tree(paths: Iterable[str]) -> None:
    """All that the configs of the repository read, below ``data`` in the present folder, but for a user's own."""
    configs = {path: load_config(path) for path in paths}
    found = roots(configs.values())
    convert_releases(found)
    write_synthetic(Path())
    made = [root for root in found if root.parts[1] == 'pseudo' or root.name.endswith('-pseudo')]
    for root in {root.parts[:3]: root for root in made}.values():
        make_labels(root, configs)


def make_own(nodes: Iterable[Node]) -> None:
    """``data/own`` of the kind that a config reads, as the pages say: groups, scribbles or masks."""
    shutil.rmtree('data/own', ignore_errors=True)
    nodes, mine = list(nodes), Path('mine')
    shutil.rmtree(mine, ignore_errors=True)
    if any(node['type'] == 'GroupDataset' for node in nodes):
        write_dataset('cosod', mine, splits=dict(train=2), size=IMAGE, group_size=3)
        shutil.copytree(mine / 'train', 'data/own')
        return
    write_dataset('sod', mine, splits=dict(train=3), size=IMAGE)
    shutil.rmtree(mine / 'scribble')
    (mine / 'train.txt').unlink()
    salseg('convert', 'masks', str(mine))
    if any(node.get('encoding') == 'scribble' for node in nodes):
        shutil.rmtree(mine / 'mask')
        paint(mine)
        salseg('convert', 'painted', str(mine))
    shutil.copy('data/own/train.txt', 'data/own/test.txt')


def paint(folder: Path) -> None:
    """Copies of the images with scribbles in two colours, as drawn by hand."""
    (folder / 'painted').mkdir()
    for path in sorted((folder / 'image').iterdir()):
        image = Image.open(path).convert('RGB')
        width, height = image.size
        brush = ImageDraw.Draw(image)
        brush.line([(width * 0.4, height * 0.5), (width * 0.6, height * 0.5)], fill='#ff0000', width=3)
        brush.line([(2, 2), (width - 3, 2), (width - 3, height - 3)], fill='#0000ff', width=3)
        image.save(folder / 'painted' / f'{path.stem}.png')
