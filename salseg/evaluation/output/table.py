"""Tables of metrics: for the terminal and for LaTeX. Every one says its protocol and what was counted."""

from collections.abc import Mapping, Sequence

import numpy as np
from terminaltables import AsciiTable

from salseg.evaluation.evaluate import Evaluation, Result
from salseg.evaluation.protocols import Protocol

TITLES = {
    'max_f': 'max F', 'mean_f': 'mean F', 'adaptive_f': 'adp F', 'mustd_f': 'mustd F', 'weighted_f': 'wF',
    's_measure': 'S', 'max_e': 'max E', 'mean_e': 'mean E', 'adaptive_e': 'adp E', 'max_iou': 'max IoU',
    'mean_iou': 'mean IoU', 'auc': 'AUC', 'average_precision': 'AP', 'mae': 'MAE',
    'J_mean': 'J mean', 'J_recall': 'J recall', 'J_decay': 'J decay',
    'F_mean': 'F mean', 'F_recall': 'F recall', 'F_decay': 'F decay',
}  # fmt: skip
_LATEX = {'&': r'\&', '%': r'\%', '_': r'\_', '#': r'\#', '$': r'\$', '{': r'\{', '}': r'\}', '~': r'\textasciitilde{}',
          '^': r'\textasciicircum{}', '\\': r'\textbackslash{}'}  # fmt: skip


def columns_of(protocol: Protocol, summaries: Sequence[Mapping[str, object]]) -> list[str]:
    """Metrics of the protocol that at least one method has."""
    return [name for name in protocol.columns if any(name in summary for summary in summaries)]


def statement(evaluation: Evaluation) -> list[str]:
    """What was counted, for every table: protocol, rule, numbers, what was left out or made up."""
    protocol = evaluation.protocol
    lines = [f'protocol {protocol.name}: {protocol.rule}']
    counts = [_counted(result.counts) for result in evaluation.results]
    if len(set(counts)) == 1:
        lines.append(f'counted: {counts[0]}')
    else:
        lines += [f'counted of {r.method.name}: {text}' for r, text in zip(evaluation.results, counts)]
    if evaluation.dropped:
        lines.append(f'dropped by the protocol: {evaluation.dropped} annotated frames')
    for result in evaluation.results:
        lines += [f'{result.method.name}: {text}' for text in made_up(result)]
    return [*lines, *evaluation.notes]


def made_up(result: Result) -> list[str]:
    """What the metrics of a method owe to --allow-missing, --allow-extra and --resize."""
    texts = dict(
        missing='{} MISSING predictions scored as empty',
        extra='{} predictions without ground truth left out',
        resized='{} predictions resized to their ground truth',
    )
    return [text.format(result.counts[name]) for name, text in texts.items() if result.counts.get(name)]


def _counted(counts: Mapping[str, int]) -> str:
    kept = {name: n for name, n in counts.items() if name not in ('missing', 'extra', 'resized')}
    return ', '.join(f'{n} {name if n != 1 else name[:-1]}' for name, n in kept.items())


def terminal_table(evaluation: Evaluation) -> str:
    """The ranking as text; the best value of a column bears a star where methods are compared."""
    protocol, results = evaluation.protocol, evaluation.results
    columns = columns_of(protocol, [r.metrics for r in results])
    best = best_values(protocol, results, columns) if len(results) > 1 else {}
    rows = [['#', 'method', *(TITLES.get(c, c) for c in columns)]]
    for rank, result in enumerate(results, 1):
        missing = '!' if result.counts.get('missing') else ''
        stars = ['*' if best.get(c) == shown_value(result, c) else '' for c in columns]
        metrics = [cell(result.metrics.get(c)) + mark for c, mark in zip(columns, stars)]
        rows.append([str(rank), result.method.name + missing, *metrics])
    table = AsciiTable(rows, f' {protocol.name} ').table
    lines = statement(evaluation)
    if len(results) > 1:
        lines.append(f'ranked by {TITLES.get(protocol.rank_by, protocol.rank_by)}; * best of a column')
    if any(r.counts.get('missing') for r in results):
        lines.append('! predictions were missing and count as empty: not comparable with complete results')
    return '\n'.join([table, *lines])


def cell(value: float | np.ndarray | None) -> str:
    """A metric with four digits; '-' where there is none."""
    return '-' if value is None or np.isnan(value) else f'{value:.4f}'


def shown_value(result: Result, column: str) -> float | None:
    """The metric as the table shows it: ties there are ties."""
    value = result.metrics.get(column)
    return None if value is None or np.isnan(value) else round(float(value), 4)


def best_values(protocol: Protocol, results: Sequence[Result], columns: Sequence[str]) -> dict[str, float]:
    """The best shown metric of every column."""
    best = {}
    for column in columns:
        values = [v for r in results if (v := shown_value(r, column)) is not None]
        if values:
            best[column] = min(values) if column in protocol.lower_is_better else max(values)
    return best


def latex_table(evaluation: Evaluation) -> str:
    """A table for `booktabs`; the best value of a column is bold, the caption says what was counted."""
    protocol, results = evaluation.protocol, evaluation.results
    columns = columns_of(protocol, [r.metrics for r in results])
    best = best_values(protocol, results, columns) if len(results) > 1 else {}
    arrows = [r'$\downarrow$' if c in protocol.lower_is_better else r'$\uparrow$' for c in columns]
    head = ' & '.join(['Method', *(f'{latex(TITLES.get(c, c))} {a}' for c, a in zip(columns, arrows))])
    lines = [
        r'% \usepackage{booktabs}', r'\begin{table}', r'\centering',
        rf'\begin{{tabular}}{{l{"c" * len(columns)}}}', r'\toprule', head + r' \\', r'\midrule',
    ]  # fmt: skip
    for result in results:
        cells = [latex(result.method.name)]
        for column in columns:
            text = cell(result.metrics.get(column)).lstrip('0') or '0'
            cells.append(rf'\textbf{{{text}}}' if best.get(column) == shown_value(result, column) else text)
        lines.append(' & '.join(cells) + r' \\')
    caption = latex('. '.join(line[:1].upper() + line[1:] for line in statement(evaluation)) + '.')
    return '\n'.join([*lines, r'\bottomrule', r'\end{tabular}', rf'\caption{{{caption}}}', r'\end{table}', ''])


def latex(text: str) -> str:
    """Text with LaTeX's special signs escaped."""
    return ''.join(_LATEX.get(sign, sign) for sign in text)
