"""Reports without images: tables, JSON, CSV, LaTeX; and what images are drawn from."""

from salseg.evaluation.output.files import RowFile, as_json, row_file, write_groups, write_json, write_texts
from salseg.evaluation.output.sinks import Case, TimeSeries, WorstCases
from salseg.evaluation.output.table import latex_table, statement, terminal_table

__all__ = [
    'Case',
    'RowFile',
    'TimeSeries',
    'WorstCases',
    'as_json',
    'latex_table',
    'row_file',
    'statement',
    'terminal_table',
    'write_groups',
    'write_json',
    'write_texts',
]
