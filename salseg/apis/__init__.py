"""The Python interface: load models, predict, track."""

from salseg.apis.clip_files import predict_video
from salseg.apis.clips import ClipPredictor
from salseg.apis.group_files import predict_groups
from salseg.apis.groups import GroupPredictor
from salseg.apis.guidance import precompute_guidance
from salseg.apis.image_files import predict_files, watch_files
from salseg.apis.models import init_model
from salseg.apis.predicting import SaliencyPredictor, predict
from salseg.apis.predictor import Prediction
from salseg.apis.tracking import TrackReport, read_prompts, track
from salseg.catalog import list_models
from salseg.propagation import Prompt, Propagator

__all__ = [
    'ClipPredictor',
    'GroupPredictor',
    'Prediction',
    'Prompt',
    'Propagator',
    'SaliencyPredictor',
    'TrackReport',
    'init_model',
    'list_models',
    'precompute_guidance',
    'predict',
    'predict_files',
    'predict_groups',
    'predict_video',
    'read_prompts',
    'track',
    'watch_files',
]
