"""Write which backbones fit which systems, on the page docs/en/backbones.md, by building every pair at random weights.

python tools/misc/backbone_table.py
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.catalog import config_of
from salseg.engine.config import load_config
from salseg.errors import ConfigError
from salseg.io.files import write_text
from salseg.models.backbones.base import build_backbone
from salseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs/en/backbones.md'
BEGIN, END = '<!-- pairs: written by tools/misc/backbone_table.py -->', '<!-- pairs: end -->'
# timm's small members of each family: which levels there are, and at which strides, does not depend on their width.
KINDS = {
    'ResNet': dict(type='TimmBackbone', name='test_resnet'),
    'ConvNeXt': dict(type='TimmBackbone', name='test_convnext'),
    'ViT/16': dict(type='TimmBackbone', name='test_vit'),
    'ViT/14': dict(type='TimmBackbone', name='test_vit', options=dict(patch_size=14)),
}
Node = dict[str, Any]
# Of each system: task, strides, the channels that its small config has, where backbones stand, and the keys that follow
# other channels.
_PLAIN, _INSIDE = ('backbone',), ('backbone.backbone',)
SYSTEMS: Mapping[str, tuple[str, tuple[int, ...], tuple[int, ...], tuple[str, ...], Callable[[Any], Node]]] = {
    'scwssod-lite': ('SOD', (4, 8, 16, 32), (24, 40, 112, 320), _PLAIN, lambda c: {'neck.in_channels': c}),
    'rcrnet-lite': ('SOD', (4, 8, 16), (24, 40, 112), _INSIDE, lambda c: _context(c, 64)),
    'dcfm-lite': (
        'CoSOD', (4, 8, 16), (24, 40, 112), _PLAIN,
        lambda c: {'matcher.channels': c[-1], 'neck.channels': c[-1], 'head.in_channels': c},
    ),
    'mask-guided-fcn-lite': ('CoSOD', (16,), (112,), _PLAIN, lambda c: {'head.in_channels': c[-1]}),
    'rcrnet-ner-lite': ('VSOD', (4, 8, 16), (24, 40, 112), _INSIDE, lambda c: _context(c, 64)),
    'fgplg-lite': ('VSOD', (4, 8, 16), (24, 40, 112), _INSIDE, lambda c: _context(c, 64)),
    'contrastive-vsod-lite': (
        'VSOD', (2, 4, 16), (16, 24, 112), _INSIDE, lambda c: {**_context(c, 192), 'matcher.low_channels': c[1]},
    ),
    'npmca-net-lite': ('VOS', (4, 8, 16), (24, 40, 112), _PLAIN, lambda c: {}),
    'xmem-lite': ('VOS', (4, 8, 16), (24, 40, 112), ('key_backbone', 'value_backbone'), lambda c: {}),
}  # fmt: skip


def _context(channels: Sequence[int], width: int) -> Node:
    return {'backbone.neck.in_channels': channels[-1], 'head.in_channels': (*channels[:-1], width)}


def table(systems: Sequence[str] = tuple(SYSTEMS), kinds: Sequence[str] = tuple(KINDS)) -> str:
    """Rows of systems and columns of kinds, as Markdown, and the reasons of what is refused."""
    rows = [('system', 'task', *kinds), ('---',) * (len(kinds) + 2)]
    reasons: dict[str, int] = {}
    for system in systems:
        found = [_pair(system, kind, reasons) for kind in kinds]
        rows.append((f'`{system}`', SYSTEMS[system][0], *found))
    lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
    return '\n'.join([*lines, '', *(f'{number}. {reason}' for reason, number in reasons.items())]).rstrip()


def _pair(system: str, kind: str, reasons: dict[str, int]) -> str:
    _, strides, channels, places, follow = SYSTEMS[system]
    alone = build_backbone(KINDS[kind])
    if set(strides) <= set(alone.strides):
        numbers = [alone.out_indices[alone.strides.index(stride)] for stride in strides]
        kept = tuple(alone.channels[alone.strides.index(stride)] for stride in strides)
        if _builds(system, places, dict(KINDS[kind], out_indices=numbers), follow(kept)) is None:
            return 'levels'
    reason = _builds(system, places, _pyramid(kind, strides, channels), {})
    if reason is None:
        return 'pyramid'
    # Decoders that resize need no strides of their own.
    others = (7, 14, 28, 56)[: len(strides)]
    if _builds(system, places, _pyramid(kind, others, channels), {}) is None:
        return f'pyramid {others}'
    return f'no ({reasons.setdefault(reason, len(reasons) + 1)})'


def _pyramid(kind: str, strides: Sequence[int], channels: Sequence[int]) -> Node:
    return dict(type='PyramidBackbone', backbone=KINDS[kind], strides=strides, channels=channels)


def _builds(system: str, places: Sequence[str], backbone: Node, changes: Node) -> str | None:
    """Build a pair; the reason if it is refused."""
    model = load_config(str(config_of(system))).model.to_dict()
    for place, value in [*((place, backbone) for place in places), *changes.items()]:
        *path, last = place.split('.')
        node = model
        for key in path:
            node = node[key]
        node[last] = value
    if 'learner' in model:
        model['learner']['backbone']['weights'] = None
    try:
        MODELS.build(model)
    except ConfigError as error:
        return str(error)
    return None


def with_table(page: str, found: str) -> str:
    """The page with a table between its marks.

    Raises:
        ValueError: The marks are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f'{PAGE} lacks {BEGIN} or {END}')
    return f'{before}{BEGIN}\n{found}\n{END}{after}'


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(arguments)
    write_text(PAGE, with_table(PAGE.read_text(encoding='utf-8'), table()))


if __name__ == '__main__':
    main()
