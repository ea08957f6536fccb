"""What people import."""

from salseg.apis.models import init_model
from salseg.apis.predicting import SaliencyPredictor, predict
from salseg.catalog import list_models

__all__ = ['SaliencyPredictor', 'init_model', 'list_models', 'predict']
