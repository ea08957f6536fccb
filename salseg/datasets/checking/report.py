"""A report as text and as plain values."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salseg.datasets.checking.check import Report
from salseg.datasets.checking.findings import KINDS, LEVELS, Findings
from salseg.datasets.checking.sets import SetState, either
from salseg.errors import DataError
from salseg.io.files import write_text

SHOWN = 10
_TITLES = {
    'sod': 'single images with masks',
    'scribble': 'single images with scribbles',
    'cosod': 'groups of images with masks',
    'vsod': 'videos with masks',
    'vos': 'videos with object ids',
}


def report_text(report: Report, shown: int = SHOWN) -> str:
    """What was looked at, a table of findings, and of each the first places and what to do."""
    reader = ', '.join(f'{key}={value!r}' for key, value in report.plan.reader().items())
    lines = [_head(report), f'  read by  dict({reader})', '']
    lines += _table(report.findings)
    for kind, found in report.findings.ordered():
        more = f', the first {shown}' if len(found) > shown else ''
        lines += ['', f'{kind} ({report.findings.level(kind)}): {KINDS[kind].title}, {len(found)}{more}']
        lines += [f'  {f.where}: {f.detail}' if f.detail else f'  {f.where}' for f in found[:shown]]
        lines.append(f'  -> {KINDS[kind].advice}')
    return '\n'.join([*lines, '', _verdict(report)])


def _head(report: Report) -> str:
    counts, plan = report.counts, report.plan
    groups = '' if plan.groups == [''] else f'{_number(counts["groups"], "video" if plan.video else "group")}, '
    images = _number(counts['images'], 'frame' if plan.video else 'image')
    roles = ', '.join(f'{number} {role}' for role, number in sorted(counts.items()) if role.startswith('with '))
    against = f'; compared with {report.against} images' if report.against else ''
    found = f'{groups}{images} ({roles or "no annotation"})'
    return f'{plan.root}: {_TITLES[plan.kind]}, {found}{against}'


def _table(findings: Findings) -> list[str]:
    if not findings.by_kind:
        return ['nothing found']
    rows = [(findings.level(kind), kind, str(len(found)), KINDS[kind].title) for kind, found in findings.ordered()]
    rows.insert(0, ('level', 'finding', 'count', 'what'))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [f'{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}  {d}' for a, b, c, d in rows]


def _verdict(report: Report) -> str:
    findings = report.findings
    numbers = {level: findings.total((level,)) for level in (*LEVELS, 'allowed')}
    counts = ', '.join(f'{n} allowed' if level == 'allowed' else _number(n, level) for level, n in numbers.items() if n)
    what = 'image' if report.plan.groups == [''] else 'video' if report.plan.video else 'group'
    state = 'something is wrong' if findings.failed else 'fit for training'
    return f'{state}: {counts or "no findings"}; {_number(len(report.clean), what)} without error'


def _number(count: int, what: str) -> str:
    return f'{count} {what}{"s" * (count != 1)}'


def report_values(report: Report) -> dict[str, Any]:
    """Everything that was found, for JSON."""
    findings = report.findings
    return dict(
        folder=str(report.plan.root),
        kind=report.plan.kind,
        layout=report.plan.layout,
        reader=report.plan.reader(),
        failed=findings.failed,
        counts=report.counts,
        clean=len(report.clean),
        findings={
            kind: dict(
                level=findings.level(kind),
                count=len(found),
                places=[dict(where=f.where, detail=f.detail) for f in found],
            )
            for kind, found in findings.ordered()
        },
    )


def sets_text(states: Sequence[SetState], config: str) -> str:
    """A row for each data set that a config reads, and below it what is wrong or absent and what to do."""
    from terminaltables import AsciiTable

    rows = [['', 'set', 'folder', 'found', 'published', 'encoding', 'state']]
    for state in states:
        found = '\n'.join(f'{number:,} {unit}' for unit, number in state.counts.items())
        units = state.counts or state.published
        published = '\n'.join(
            either(state.published.get(unit, ())) + (f' {unit}' if not state.counts else '') for unit in units
        )
        rows.append([state.role, state.name, state.path, found, published, state.encoding, state.state])
    lines = [AsciiTable(rows, f' {config} ').table]
    lines += [f'warning: {text}' for text in dict.fromkeys(state.warning for state in states) if text]
    lines += dict.fromkeys(state.problem for state in states if state.problem)
    bad = sum(bool(state.problem) for state in states)
    lines.append(
        f'{bad} of {_number(len(states), "set")} cannot be read'
        if bad
        else 'all that training and testing read is here'
    )
    return '\n'.join(lines)


def write_clean_list(report: Report, path: str | os.PathLike) -> Path:
    """Write the names without errors, one a line, as ``list_file`` and ``--list`` take them.

    Raises:
        DataError: The file exists, for a check changes nothing; or no name is clean.
    """
    path = Path(path)
    if path.exists():
        raise DataError(f'{path} exists; a check overwrites nothing. Give --write-list another name.')
    if not report.clean:
        raise DataError(f'{report.plan.root}: nothing is clean, so {path} was not written. Fix what is listed above.')
    return write_text(path, ''.join(f'{name}\n' for name in report.clean))
