"""The HTML page of an evaluation: one file with all images inside, no script, no outside reference."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from salseg.errors import DataError
from salseg.evaluation.evaluate import Evaluation
from salseg.evaluation.output import Case, statement
from salseg.evaluation.output.table import TITLES, best_values, cell, columns_of, made_up, shown_value
from salseg.io.files import write_text

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884; }
th:nth-child(2), td:nth-child(2) { text-align: left; }
.wide { overflow-x: auto; } .best { font-weight: 700; } .warn { color: #b3261e; font-weight: 700; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(30rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-size: .85rem; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; background: #fff; } .key span { padding: 0 .5em; color: #000; }
@media (prefers-color-scheme: dark) { .warn { color: #f2b8b5; } }
"""
HTML_END = '\n</body></html>\n'


@dataclass(frozen=True)
class Contents:
    """What stands on the page besides the metrics.

    Attributes:
        cases: By method, worst cases with the file of their images, the worst first.
        curves: Files of curves.
        videos: Files of plots over time, by video.
        files: Other files to link.
    """

    cases: Mapping[str, Sequence[tuple[Case, Path]]] = field(default_factory=dict)
    curves: Sequence[Path] = ()
    videos: Mapping[str, Path] = field(default_factory=dict)
    files: Sequence[Path] = ()


def write_page(evaluation: Evaluation, contents: Contents, path: Path) -> Path:
    """Write the page; links lead to files beside it.

    Args:
        evaluation: The metrics.
        contents: Images, already written below the page's folder.
        path: The page.
    """
    protocol = evaluation.protocol
    title = f'{protocol.name}: {evaluation.results[0].method.name}'
    if len(evaluation.results) > 1:
        title += f' and {len(evaluation.results) - 1} more'
    sections = [
        f'<h1>{escape(title)}</h1>',
        '<p>' + '<br>'.join(_line(line) for line in statement(evaluation)) + '</p>',
        *_cases(evaluation, contents, path.parent),
        *_ranking(evaluation),
        *_images('Curves', {file.stem.replace('_', ' '): file for file in contents.curves}, path.parent),
        *_images('Videos', contents.videos, path.parent),
        '<h2>Files</h2>\n<ul>',
        *(f'<li><a href="{_link(file, path.parent)}">{escape(file.name)}</a></li>' for file in contents.files),
        '</ul>',
    ]
    return write_text(path, html_head(title) + '\n'.join(sections) + HTML_END)


def html_head(title: str) -> str:
    """A page up to its first section; it has no script and asks for nothing from outside."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{head}<link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
    return f'{page}\n<body>\n'


def _line(text: str) -> str:
    return f'<span class="warn">{escape(text)}</span>' if 'MISSING' in text else escape(text)


def _cases(evaluation: Evaluation, contents: Contents, folder: Path) -> list[str]:
    found = [case.metric for cases in contents.cases.values() for case, _ in cases]
    if not found:
        return []
    metric = TITLES.get(found[0], found[0])
    lines = [
        f'<h2>Worst cases by {escape(metric)}</h2>',
        '<p class="key">at half of full scale: <span style="background:#56b4e9">hit</span> '
        '<span style="background:#e69f00">false alarm</span> <span style="background:#cc79a7">miss</span></p>',
    ]
    for method, cases in contents.cases.items():
        if len(contents.cases) > 1:
            lines.append(f'<h3>{escape(method)}</h3>')
        lines.append('<div class="cases">')
        for case, file in cases:
            text = f'{case.name}, frame {Path(case.item.stem).name}' if case.label is not None else case.name
            lines.append(_figure(file, folder, f'{text}: {metric} {case.value:.4f}', small=True))
        lines.append('</div>')
    return lines


def _ranking(evaluation: Evaluation) -> list[str]:
    protocol, results = evaluation.protocol, evaluation.results
    columns = columns_of(protocol, [result.metrics for result in results])
    best = best_values(protocol, results, columns) if len(results) > 1 else {}
    arrows = ['↓' if c in protocol.lower_is_better else '↑' for c in columns]
    head = ''.join(f'<th>{escape(TITLES.get(c, c))} {arrow}</th>' for c, arrow in zip(columns, arrows))
    lines = [f'<h2>Metrics, protocol {escape(protocol.name)}</h2>', '<div class="wide"><table>',
             f'<tr><th>#</th><th>method</th>{head}</tr>']  # fmt: skip
    for rank, result in enumerate(results, 1):
        cells = ''
        for column in columns:
            mark = ' class="best"' if best.get(column) == shown_value(result, column) else ''
            cells += f'<td{mark}>{cell(result.metrics.get(column))}</td>'
        warning = ''.join(f'<br><span class="warn">{escape(text)}</span>' for text in made_up(result))
        lines.append(f'<tr><td>{rank}</td><td>{escape(result.method.name)}{warning}</td>{cells}</tr>')
    return [*lines, '</table></div>']


def _images(title: str, files: Mapping[str, Path], folder: Path) -> list[str]:
    if not files:
        return []
    figures = [_figure(file, folder, name) for name, file in files.items()]
    return [f'<h2>{title}</h2>', '<div class="cases">', *figures, '</div>']


def _figure(file: Path, folder: Path, caption: str, small: bool = False) -> str:
    kind, data = ('jpeg', _as_jpeg(file)) if small else ('png', file.read_bytes())
    source = f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
    image = f'<img alt="{escape(caption)}" src="{source}">'
    return f'<figure><a href="{_link(file, folder)}">{image}</a><figcaption>{escape(caption)}</figcaption></figure>'


def _as_jpeg(file: Path) -> bytes:
    """Photographs take a tenth of the room; the link leads to the exact image."""
    image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f'{file} cannot be read as an image; it was to stand on the page. Write the report anew.')
    return cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()


def _link(file: Path, folder: Path) -> str:
    return quote(file.relative_to(folder).as_posix())
