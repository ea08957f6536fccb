"""Names and words that a reader of this field does not know must not come back."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = ('salseg', 'projects', 'tools', 'docs', 'configs', 'benchmarks', 'README.md', 'CONTRIBUTING.md')
# What to write instead stands beside each.
BANNED = {
    r'pictures?(?![a-z])': 'image',
    r'strokes?(?![a-z])': 'scribble',
    r'(?<![a-zA-Z])measures(?![a-z])': 'metrics',
    r'(?<![a-zA-Z])shares(?=[\]\[)(=])|\bshares_|--shares?\b|parse_share|own_share': 'shard, fraction',
    r'condens(e|ed|ing|ation)\b': 'consolidate',
    r'agreement_': 'affinity',
    r'score_?sums': 'ScoreAccumulator',
    r'position_?(batch_?)?sampler': 'ResumableSampler',
    r'let_see_mask': 'add_mask_channel',
    r'widen_': 'inflate_',
    r'set_kind': 'input_type',
    r'frobenius': 'sum_squared_error',
    r'(gone|going|goes?|went) on (with|from)|(gone|going|goes?) on at|(?<!resumed: )went on at': 'resumed',
    r'\bmended\b': 'fixed',
}
# Files that may hold such words, and why; ten at most.
EXEMPT = {
    'projects/npmca_net/modules.py': 'the name of a weight, which checkpoints hold',
    'tools/misc/compare_tests.py': 'its example is a word that was renamed',
    'tools/misc/test_table.yml': 'old names of tests, beside the new ones',
    'tools/misc/freeze_table.yml': 'old keys and values of configs, beside the new ones',
}


def texts():
    listed = subprocess.run(['git', 'ls-files', *PLACES], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() or [
        str(path.relative_to(ROOT)) for place in PLACES for path in [ROOT / place, *(ROOT / place).rglob('*')]
    ]
    for name in names:
        path = ROOT / name
        if path.suffix in ('.py', '.md', '.yml', '.svg', '.sh', '.html') and path.is_file():
            yield name, path.read_text(encoding='utf-8')


def found(pattern, text):
    return re.findall(rf'(?i:{pattern})', text)


@pytest.mark.parametrize('pattern', BANNED)
def test_no_word_of_a_private_language_is_left(pattern):
    hits = []
    for name, text in texts():
        if name in EXEMPT:
            continue
        # Names of files are read as well as what is in them.
        for number, line in enumerate([name, *text.splitlines()]):
            if found(pattern, line):
                hits.append(f'{name}:{number}: {line.strip()[:100]}')
    assert not hits, f'write {BANNED[pattern]} instead:\n' + '\n'.join(hits[:20])


def test_the_words_are_recognised():
    lines = (
        'one_picture Pictures strokes_from_paint the measures are shares[0] --share condensed agreement_cost ScoreSums '
        'PositionBatchSampler let_see_mask widen_first set_kind frobenius is gone on with, mended'
    )
    assert all(found(pattern, lines) for pattern in BANNED)
    assert not any(found(p, 'an image, a metric, it measured what a group shares, of the shards') for p in BANNED)


def test_there_are_few_exemptions():
    assert len(EXEMPT) <= 10
