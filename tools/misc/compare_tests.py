"""Compare the tests of a commit with those of the working tree: no test and no assert may get lost on the way.

``compare_tests.py BASE_REF`` collects the tests of both, and ends with status 1 if an id of BASE_REF is gone, or a file
holds fewer asserts than before, without an entry in ``test_table.yml``:
    words: {picture: image, measure: [metric, score]}; whole words of an id, split at ``_`` and digits, several choices.
    files: {old path: new path or [new paths]}; where the tests of a file went.
    tests: {old id: new id or 'removed: reason'}; the old one is a regular expression for the whole id, as in ``re.sub``.
    asserts: {old path: reason}; why a file holds fewer.
Words are tried on files and parameters too. A new id stands for one old id; only entries of ``tests`` may merge.
"""

import argparse
import ast
import difflib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name('test_table.yml')
LIBRARIES = ('np.testing', 'numpy.testing', 'torch.testing')


def collect(tree: Path) -> set[str]:
    """Ids of all tests of a tree."""
    command = [sys.executable, '-m', 'pytest', '--collect-only', '-q', '-p', 'no:cacheprovider']
    done = subprocess.run(
        command, cwd=tree, env={**os.environ, 'PYTHONPATH': str(tree)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f'the tests of {tree} cannot be collected:\n{done.stdout[-3000:]}{done.stderr[-1000:]}')
    return {line for line in done.stdout.splitlines() if '.py::' in line}


def count_asserts(tree: Path) -> dict[str, int]:
    """Asserts of every file below ``tests``."""
    files = sorted(tree.glob('tests/**/*.py'))
    return {str(f.relative_to(tree)): sum(map(is_assert, ast.walk(ast.parse(f.read_text('utf-8'))))) for f in files}


def is_assert(node: ast.AST) -> bool:
    """Whether a node is an assert, ``pytest.raises`` or ``warns``, or an assertion of numpy or torch."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    parent, _, last = name.rpartition('.')
    return name in ('pytest.raises', 'pytest.warns') or (parent in LIBRARIES and last.startswith('assert'))


def at_base(ref: str) -> tuple[set[str], dict[str, int]]:
    """Ids and asserts of a commit, in a worktree that is removed again."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve() / 'base'
        subprocess.run(['git', 'worktree', 'add', '--quiet', '--detach', str(tree), ref], cwd=ROOT, check=True)
        try:
            return collect(tree), count_asserts(tree)
        finally:
            subprocess.run(['git', 'worktree', 'remove', '--force', str(tree)], cwd=ROOT, check=True)


class Table:
    """What may be called otherwise, and which entries were needed."""

    def __init__(self, path: Path) -> None:
        content = (yaml.safe_load(path.read_text(encoding='utf-8')) if path.is_file() else None) or {}
        self.words, self.files, self.tests, self.asserts = (
            content.get(name) or {} for name in ('words', 'files', 'tests', 'asserts')
        )
        self.used: set[str] = set()

    def worded(self, text: str) -> list[str]:
        """A text with any of the words replaced: as it is first, then with ever fewer old words."""
        found = [text]
        for word, choices in self.words.items():
            pattern = re.compile(rf'(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])')
            if pattern.search(text):
                options = [choices] if isinstance(choices, str) else choices
                found += [pattern.sub(option, earlier) for option in options for earlier in found]
        return list(dict.fromkeys(found))

    def places(self, file: str) -> list[str]:
        """Files that the tests of a file may be in now."""
        target = self.files.get(file, [])
        return list(dict.fromkeys([*([target] if isinstance(target, str) else target), *self.worded(file)]))

    def listed(self, old: str) -> tuple[str, str] | None:
        """What ``tests`` tells of an id, and the entry."""
        for entry, target in self.tests.items():
            if re.fullmatch(entry, old):
                return (target if target.startswith('removed:') else re.sub(entry, target, old)), entry
        return None

    def candidates(self, old: str) -> Iterator[str]:
        """Ids that an old one may have now."""
        file, _, rest = old.partition('::')
        for place in self.places(file):
            for name in self.worded(rest):
                yield f'{place}::{name}'

    def stale(self) -> list[str]:
        """Entries that nothing needed."""
        return [entry for entry in (*self.tests, *self.files, *self.asserts) if entry not in self.used]


def match(old: set[str], new: set[str], table: Table) -> dict[str, Any]:
    """Sort ids into kept, renamed, removed, missing and new."""
    kept = old & new
    renamed: dict[str, str] = {}
    removed: dict[str, str] = {}
    missing: list[str] = []
    taken = set(kept)
    for name in sorted(old - new):
        told = table.listed(name)
        if told and (told[0].startswith('removed:') or told[0] in new):
            (removed if told[0].startswith('removed:') else renamed)[name] = told[0]
            table.used.add(told[1])
            taken.add(told[0])
            continue
        found = next((c for c in table.candidates(name) if c in new and c not in taken), None)
        if found is None:
            missing.append(name)
            continue
        renamed[name] = found
        taken.add(found)
        table.used.add(name.partition('::')[0])
    return dict(kept=kept, renamed=renamed, removed=removed, missing=missing, new=new - taken)


def fallen(old: dict[str, int], new: dict[str, int], table: Table) -> list[str]:
    """Files, or groups that were split or joined, with fewer asserts than before and no reason in the table."""
    groups: list[tuple[set[str], set[str]]] = []
    for file in old:
        listed = table.files.get(file, [])
        before = {file}
        after = {listed} if isinstance(listed, str) else set(listed)
        after = after or {next((place for place in table.worded(file) if place in new), file)}
        for group in [g for g in groups if g[1] & after]:
            groups.remove(group)
            before, after = before | group[0], after | group[1]
        groups.append((before, after))
    found = []
    for before, after in groups:
        counts = sum(old[file] for file in before), sum(new.get(file, 0) for file in after)
        if counts[1] >= counts[0]:
            continue
        reasons = [file for file in before if file in table.asserts]
        table.used.update(reasons)
        line = f'{", ".join(sorted(before))} -> {", ".join(sorted(after))}: {counts[0]} -> {counts[1]} asserts'
        if reasons:
            print(f'fewer   | {line} | {"; ".join(table.asserts[file] for file in reasons)}')
        else:
            found.append(line)
    return found


def hint(name: str, new: set[str]) -> str:
    """New ids that a missing one may have become."""
    rest = name.partition('::')[2]
    same = [other for other in sorted(new) if other.partition('::')[2] == rest]
    near = same or difflib.get_close_matches(name, sorted(new), n=1, cutoff=0.7)
    return f' (perhaps {near[0]})' if near else ''


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('base_ref')
    parser.add_argument('--table', type=Path, default=TABLE)
    args = parser.parse_args()
    table = Table(args.table)
    (old, old_asserts), new, new_asserts = at_base(args.base_ref), collect(ROOT), count_asserts(ROOT)
    found = match(old, new, table)
    for name, target in sorted({**found['renamed'], **found['removed']}.items()):
        print(f'{"removed" if target.startswith("removed:") else "renamed"} | {name} | {target}')
    print('\n'.join(f'new     | {name}' for name in sorted(found['new'])))
    fewer = fallen(old_asserts, new_asserts, table)
    print('\n'.join(f'STALE   | {entry}' for entry in table.stale()))
    print('\n'.join(f'MISSING | {name}{hint(name, found["new"])}' for name in found['missing']))
    print('\n'.join(f'FEWER   | {line}' for line in fewer))
    print(f'{len(old)} -> {len(new)} tests: ' + ', '.join(f'{len(ids)} {key}' for key, ids in found.items()))
    print(
        f'{sum(old_asserts.values())} -> {sum(new_asserts.values())} asserts; {len(fewer)} files fell without a reason'
    )
    return 1 if found['missing'] or fewer else 0


if __name__ == '__main__':
    sys.exit(main())
