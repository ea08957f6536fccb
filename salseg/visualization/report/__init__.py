"""The report of an evaluation: tables and files, curves, worst cases, an HTML page."""

from salseg.visualization.report.reporting import evaluate_and_report, write_report

__all__ = ['evaluate_and_report', 'write_report']
