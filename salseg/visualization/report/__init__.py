"""The report of an evaluation: tables and files, curves, worst cases, an HTML page."""

from salseg.visualization.report.reporting import evaluate_and_plot, evaluate_and_report, plot_videos, write_report

__all__ = ['evaluate_and_plot', 'evaluate_and_report', 'plot_videos', 'write_report']
