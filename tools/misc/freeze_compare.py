"""Compare two records of ``freeze.py`` through the table of wanted differences."""

import fnmatch
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml


def flat(value: Any, path: str = '') -> dict[str, Any]:
    """Leaves by dotted path; an empty list or dict is a leaf."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: dict[str, Any] = {}
    for key, child in pairs:
        found |= flat(child, f'{path}.{key}' if path else str(key))
    return found or {path: value}


class Table:
    """The wanted differences, and which configs needed each."""

    def __init__(self, path: Path) -> None:
        content = yaml.safe_load(path.read_text(encoding='utf-8')) if path.is_file() else {}
        self.configs, self.keys, self.values = ((content or {}).get(n) or [] for n in ('configs', 'keys', 'values'))
        self.used: dict[int, set[str]] = defaultdict(set)

    def pairs(self, old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str | None, str | None]]:
        """Names of configs, old and new; None where the other has no partner."""
        partner = {name: name for name in old}
        added = set()
        for entry in self.configs:
            if entry['old'] in old:
                partner[entry['old']] = entry['new']
                self.used[id(entry)].add(str(entry['new']))
            elif entry['old'] is None and entry['new'] in new:
                added.add(entry['new'])
                self.used[id(entry)].add(entry['new'])
        found = [(name, partner[name]) for name in old if partner[name] is not None]
        return found + [(None, name) for name in new if name not in {*partner.values(), *added}]

    def _of(self, entries: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
        return [entry for entry in entries if fnmatch.fnmatch(name, entry.get('only', '*'))]

    def moved(self, name: str, path: str, new: dict[str, Any]) -> str | None:
        """Path in the new record; None where it may go."""
        if path.startswith('state.'):
            return path
        entries = [e for e in self._of(self.keys, name) if e['old'] is not None and re.search(e['old'], path)]
        target, taken = path, []
        for entry in entries:
            if entry['new'] is not None and re.search(entry['old'], target):
                target, taken = re.sub(entry['old'], entry['new'], target), [*taken, entry]
        if target not in new:
            taken = [entry for entry in entries if entry['new'] is None][:1] if path not in new else []
            target = None if taken else path
        for entry in taken:
            self.used[id(entry)].add(name)
        return target

    def allows_new(self, name: str, path: str) -> bool:
        """Whether a path may come."""
        for entry in self._of(self.keys, name):
            if entry['old'] is None and re.fullmatch(entry['new'], path) and not path.startswith('state.'):
                self.used[id(entry)].add(name)
                return True
        return False

    def allows(self, name: str, path: str, old: Any, new: Any) -> bool:
        """Whether a value may change so."""
        for entry in self._of(self.values, name):
            if re.fullmatch(entry['where'], path) and not path.startswith('state.') and becomes(entry, old, new):
                self.used[id(entry)].add(name)
                return True
        return False

    def report(self) -> None:
        """Print what was used, and what is stale."""
        for entry in [*self.configs, *self.keys, *self.values]:
            rest = f'{entry["reason"]} | {len(self.used[id(entry)])} configs'
            state = 'used ' if self.used[id(entry)] else 'STALE'
            place = f'{entry["where"]}: ' if 'where' in entry else ''
            print(f'{state} | {place}{entry.get("old", "(any)")} | {entry["new"]} | {rest}')


def same(old: Any, new: Any) -> bool:
    """Whether two leaves are one; 1, 1.0 and True are not."""
    return type(old) is type(new) and old == new


def becomes(entry: dict[str, Any], old: Any, new: Any) -> bool:
    """Whether an entry turns one value into the other."""
    if 'old' not in entry or same(entry['old'], old):
        return same(entry['new'], new)
    texts = all(isinstance(value, str) for value in (entry['old'], entry['new'], old, new))
    return texts and bool(re.fullmatch(entry['old'], old)) and re.sub(entry['old'], entry['new'], old) == new


def compare(old: dict[str, Any], new: dict[str, Any], table: Table) -> list[str]:
    """Differences that the table does not cover."""
    found = [f'{key}: {old[key]} -> {new[key]}' for key in ('versions', 'resume') if old[key] != new[key]]
    for before, after in table.pairs(old['configs'], new['configs']):
        if before is None or after not in new['configs']:
            found.append(f'config {before} -> {after}: {"new" if before is None else "gone"}')
            continue
        found += differences(after, flat(old['configs'][before]), flat(new['configs'][after]), table)
    return found


def differences(name: str, old: dict[str, Any], new: dict[str, Any], table: Table) -> list[str]:
    """As :func:`compare`, for one config."""
    found, seen = [], set()
    for path, value in old.items():
        target = table.moved(name, path, new)
        if target is None:
            continue
        seen.add(target)
        if target not in new:
            found.append(f'{name} {path}: {value!r} is gone')
        elif not same(value, new[target]) and not table.allows(name, target, value, new[target]):
            found.append(f'{name} {target}: {value!r} -> {new[target]!r}')
    fresh = [path for path in new if path not in seen and not table.allows_new(name, path)]
    return found + [f'{name} {path}: {new[path]!r} is new' for path in fresh]
