"""Metrics, protocols and the evaluation of folders; nothing here but `metrics` imports torch."""
