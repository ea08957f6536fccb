"""What people import."""

from salseg.apis.groups import GroupPredictor, predict_groups
from salseg.apis.guidance import precompute_guidance
from salseg.apis.models import init_model
from salseg.apis.predicting import SaliencyPredictor, predict
from salseg.apis.tracking import TrackReport, read_prompts, track
from salseg.catalog import list_models
from salseg.propagation import Prompt, Propagator

__all__ = [
    'GroupPredictor',
    'Prompt',
    'Propagator',
    'SaliencyPredictor',
    'TrackReport',
    'init_model',
    'list_models',
    'precompute_guidance',
    'predict',
    'predict_groups',
    'read_prompts',
    'track',
]
