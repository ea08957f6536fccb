"""Print how the code is cut into files: their lengths, import circles, depth of configs, and comments where they matter.

    python tools/misc/rooms.py [--tree FOLDER]

Ends with status 1 where a number is outside what CONTRIBUTING asks of the code: a median file of salseg of 110 lines or
more, at most 25 files below 50, none above 500, no import circle, configs of at most three levels.
"""

import argparse
import ast
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

MEDIAN, CRUMBS, LONGEST, DEPTH = 110, 25, 500, 3
# Training steps, memories, matchers and losses: there comments say why.
EXPLAINED = (
    'projects/xmem/*.py',
    'projects/npmca_net/*.py',
    'projects/rcrnet/fgplg.py',
    'projects/mask_guided_fcn/*.py',
    'salseg/models/segmentors/*.py',
    'salseg/models/matchers/*.py',
    'salseg/models/losses/*.py',
    'salseg/ops/*.py',
)


def main(argv: list[str] | None = None) -> int:
    """Print; status 1 if a number is outside."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--tree', type=Path, default=Path(__file__).resolve().parents[2], help='checkout to look at')
    tree = parser.parse_args(argv).tree
    lengths = {path: len(path.read_text(encoding='utf-8').splitlines()) for path in modules(tree)}
    median = statistics.median(lengths.values())
    crumbs = sorted(path for path, length in lengths.items() if length < 50)
    longest = max(lengths, key=lambda path: lengths[path])
    circles = import_circles(tree)
    depths = {path: config_depth(path) for path in configs(tree)}
    deep = sorted(path for path, depth in depths.items() if depth > DEPTH)
    rows = [
        ('files of salseg', len(lengths), ''),
        ('median length', f'{median:g}', f'>= {MEDIAN}'),
        ('files below 50 lines', len(crumbs), f'<= {CRUMBS}'),
        ('longest file', f'{lengths[longest]} ({longest.relative_to(tree)})', f'<= {LONGEST}'),
        ('import circles', len(circles), '0'),
        ('configs', len(depths), ''),
        ('deepest config', max(depths.values()), f'<= {DEPTH}'),
    ]
    for name, value, bound in rows:
        print(f'{name:22} {value!s:40} {bound}')
    for circle in circles:
        print('circle: ' + ' -> '.join(circle))
    for path in deep:
        print(f'{depths[path]} levels: {path.relative_to(tree)}')
    print('\ncomments per 1,000 lines of code, where they say why')
    for path, count, code in comments(tree):
        print(f'{1000 * count / max(code, 1):6.0f}  {count:3} in {code:3}  {path.relative_to(tree)}')
    good = median >= MEDIAN and len(crumbs) <= CRUMBS and lengths[longest] <= LONGEST and not circles and not deep
    return 0 if good else 1


def modules(tree: Path, packages: tuple[str, ...] = ('salseg',)) -> list[Path]:
    """Python files of packages, without ``__init__``."""
    return sorted(p for name in packages for p in (tree / name).rglob('*.py') if p.name != '__init__.py')


def configs(tree: Path) -> list[Path]:
    """Configs that people run: not those in ``_base_``."""
    found = [*(tree / 'projects').glob('*/configs/*.py'), *(tree / 'configs').glob('*/*.py')]
    return sorted(path for path in found if path.parent.name != '_base_')


def config_depth(path: Path) -> int:
    """Files on the longest way from a config to a base without bases, both counted."""
    text = path.read_text(encoding='utf-8')
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_base_':
            value = ast.literal_eval(node.value)
            bases = [value] if isinstance(value, str) else value
            return 1 + max(config_depth((path.parent / base).resolve()) for base in bases)
    return 1


def import_circles(tree: Path) -> list[list[str]]:
    """Groups of modules of salseg and projects that import each other, for types only too."""
    names = {_name(tree, path): path for path in modules(tree, ('salseg', 'projects')) if 'configs' not in path.parts}
    graph = {name: sorted(set(_imports(path)) & names.keys() - {name}) for name, path in names.items()}
    return sorted(_components(graph))


def _name(tree: Path, path: Path) -> str:
    return '.'.join(path.relative_to(tree).with_suffix('').parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def _components(graph: dict[str, list[str]]) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan, without recursion)."""
    found: list[list[str]] = []
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    for root in graph:
        work = [(root, iter(graph[root]))] if root not in order else []
        if work:
            order[root] = low[root] = len(order)
            stack.append(root)
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    component = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    if len(component) > 1:
                        found.append(sorted(component))
            elif target not in order:
                order[target] = low[target] = len(order)
                stack.append(target)
                work.append((target, iter(graph[target])))
            elif target in stack:
                low[node] = min(low[node], order[target])
    return found


def comments(tree: Path) -> Iterator[tuple[Path, int, int]]:
    """Comments and lines of code of the files that must explain themselves; switches of tools are no comments."""
    for pattern in EXPLAINED:
        for path in sorted(tree.glob(pattern)):
            if path.name == '__init__.py':
                continue
            text = path.read_text(encoding='utf-8')
            tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
            notes = {
                t.start[0]
                for t in tokens
                if t.type == tokenize.COMMENT and not re.match(r'# (noqa|type:|fmt:)', t.string)
            }
            # A comment of several lines is one.
            yield path, sum(line - 1 not in notes for line in notes), len(text.splitlines())


if __name__ == '__main__':
    sys.exit(main())
