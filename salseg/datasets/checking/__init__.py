"""Check a data set before training."""

from salseg.datasets.checking.check import Options, Report, check_folder
from salseg.datasets.checking.findings import KINDS, Finding, Findings
from salseg.datasets.checking.layout import Plan, find_plan
from salseg.datasets.checking.published import SETS, Published
from salseg.datasets.checking.report import report_text, report_values, sets_text, write_clean_list
from salseg.datasets.checking.sets import SetState, check_sets

__all__ = [
    'KINDS',
    'SETS',
    'Finding',
    'Findings',
    'Options',
    'Plan',
    'Published',
    'Report',
    'SetState',
    'check_folder',
    'check_sets',
    'find_plan',
    'report_text',
    'report_values',
    'sets_text',
    'write_clean_list',
]
