"""Read the documentation: its fenced blocks, its commands, its links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = (
    'README.md',
    'CONTRIBUTING.md',
    'docs/en/*.md',
    'docs/en/api/*.md',
    'projects/README.md',
    'projects/*/README.md',
)
# A block that a test cannot run says so in the line above its fence: <!-- parsed only: data -->
REASONS = {
    'data': 'needs a data set that is not shipped',
    'weights': "needs the authors' checkpoint",
    'minutes': 'computes for minutes',
    'server': 'opens a server and does not end',
}
# Commands that no test runs, wherever they stand: what they look like, and why.
NOT_RUN = {
    r'^(\S+/)?pip\b|^\S*python3? -m (pip|venv)\b|^(apt|apt-get|conda|source|\.) ': 'installs',
    r'^make\b': 'installs and runs for minutes',
    r'^git\b|^cd salseg$': 'clones a repository',
    r'^(srun|sbatch|tools/slurm_\w+\.sh)\b|--launcher slurm': 'needs a Slurm cluster',
    r'^mpirun\b|--launcher mpi': 'needs MPI',
    r'^torchrun\b|^tools/dist_\w+\.sh\b': 'starts several processes',
    r'--device[ =]cuda': 'needs a GPU',
    r'^salseg track \S+ \d+( |$)|--camera\b': 'needs a camera',
    r'^tensorboard\b': 'opens a server and does not end',
    r'^(pytest|ruff|mypy|lint-imports|pre-commit)\b|^python -m pytest\b': 'is a part of make test',
    r'^\S+/bin/python\b': 'needs an environment of its own',
    r'^python benchmarks/': 'measures for minutes',
    r'^python tools/quickstart\.py\b': 'computes for minutes',
    r'tools/model_converters/convert_\w+\.py\b': "needs somebody else's checkpoint",
}
# A Python or text block that begins with "# some/name.py" is a file; it is written there.
_FILE_NAME = re.compile(r'^# ([\w./-]+\.(?:py|yml|txt|md))$')
_FENCE = re.compile(r'^(```+)(\w*)\s*$')
_MARK = re.compile(r'^<!-- parsed only: (.+) -->$')


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of its first line of text, from 1."""

    page: str
    line: int
    language: str
    text: str
    mark: str | None = None

    @property
    def where(self) -> str:
        """For messages."""
        return f'{self.page}:{self.line}'

    @property
    def file(self) -> str | None:
        """Name of the file that the block stands for."""
        found = _FILE_NAME.match(self.text.split('\n', 1)[0])
        return found.group(1) if found and self.language != 'bash' else None


@dataclass(frozen=True)
class Command:
    """One simple command of a bash block, without variables set before it."""

    where: str
    words: tuple[str, ...]
    variables: tuple[str, ...] = ()
    reason: str | None = None

    def __str__(self) -> str:
        return shlex.join((*self.variables, *self.words))


def pages() -> list[str]:
    """All pages that are there, relative to the repository."""
    return [str(path.relative_to(ROOT)) for pattern in PATTERNS for path in sorted(ROOT.glob(pattern))]


def blocks(page: str) -> list[Block]:
    """Fenced blocks of a page in order."""
    found: list[Block] = []
    lines = (ROOT / page).read_text(encoding='utf-8').splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        number += 1
        if fence is None:
            continue
        start = number
        while number < len(lines) and lines[number] != fence.group(1):
            number += 1
        assert number < len(lines), f'{page}:{start}: the block is never closed'
        mark = _MARK.match(lines[start - 2].strip()) if start > 1 else None
        text = '\n'.join(lines[start:number]) + '\n'
        found.append(Block(page, start + 1, fence.group(2), text, mark.group(1) if mark else None))
        number += 1
    return found


def commands(block: Block) -> list[Command]:
    """Simple commands of a bash block: lines, joined at a closing backslash, cut at ``&&``.

    Fails on what is no simple command (pipes, redirections, loops): those are better shown as Python or as a file.
    """
    found = []
    for number, line in _logical_lines(block):
        where = f'{block.page}:{number}'
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, '&&']:
            if word == '&&':
                if words:
                    found.append(_command(where, words, block.mark))
                words = []
            else:
                assert not set(word) & set('();<>|&') or "'" in line or '"' in line, (
                    f'{where}: {word!r} in {line.strip()!r}: only simple commands can be tried; a file is written by a '
                    'block that begins with "# name.py", a pipe is split'
                )
                words.append(word)
    return found


def _command(where: str, words: list[str], mark: str | None) -> Command:
    count = 0
    while count < len(words) and re.match(r'^[A-Z_]+=', words[count]):
        count += 1
    return Command(where, tuple(words[count:]), tuple(words[:count]), REASONS.get(mark) if mark else None)


def reason_to_parse(command: Command) -> str | None:
    """Why a command is not run, or None if it is."""
    text = ' '.join(command.words).removeprefix('.venv/bin/')
    found = [reason for pattern, reason in NOT_RUN.items() if re.search(pattern, text)]
    return command.reason or (found[0] if found else None)


def _logical_lines(block: Block) -> Iterator[tuple[int, str]]:
    pending, first = '', block.line
    for number, line in enumerate(block.text.splitlines(), block.line):
        first = number if not pending else first
        pending += line
        if pending.endswith('\\'):
            pending = pending[:-1] + ' '
            continue
        if pending.strip() and not pending.lstrip().startswith('#'):
            yield first, pending
        pending = ''


def unfenced(page: str) -> list[str]:
    """Commands that stand in indented text, where no test would find them."""
    found, inside = [], False
    for number, line in enumerate((ROOT / page).read_text(encoding='utf-8').splitlines(), 1):
        if line.startswith('```'):
            inside = not inside
        elif not inside and re.match(r'^( {4,}|\t)\$? ?(salseg|python|make|pip|torchrun|tools/) ?', line):
            found.append(f'{page}:{number}: {line.strip()}')
    return found


def links(page: str) -> list[tuple[int, str]]:
    """Line and target of every link and image of a page that leads to a file, outside of blocks."""
    found, inside = [], False
    for number, line in enumerate((ROOT / page).read_text(encoding='utf-8').splitlines(), 1):
        if line.startswith('```'):
            inside = not inside
        elif not inside:
            targets = re.findall(r'\]\(([^)\s]+)\)', line) + re.findall(r'(?:src|href)="([^"]+)"', line)
            found += [(number, target) for target in targets if not re.match(r'^(https?|mailto):', target)]
    return found


def anchors(page: Path) -> set[str]:
    """Names that GitHub gives to the headings of a page."""
    text = re.sub(r'^```.*?^```$', '', page.read_text(encoding='utf-8'), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r'^#+ (.+)$', text, flags=re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}
