"""What people import."""

from salseg.apis.models import init_model
from salseg.apis.predicting import SaliencyPredictor, predict
from salseg.apis.tracking import TrackReport, read_prompts, track
from salseg.catalog import list_models
from salseg.propagation import Prompt, Propagator

__all__ = [
    'Prompt',
    'Propagator',
    'SaliencyPredictor',
    'TrackReport',
    'init_model',
    'list_models',
    'predict',
    'read_prompts',
    'track',
]
