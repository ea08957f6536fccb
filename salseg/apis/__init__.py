"""The Python interface: load models, predict, track.

Names are loaded when first used, so that what needs no model, as the list of converters, does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salseg.apis.binarising import binarise, binarise_files
    from salseg.apis.clip_files import predict_video
    from salseg.apis.clips import ClipPredictor
    from salseg.apis.explaining import Explanation, SetExplainer, ShownView, TrackExplainer, explain
    from salseg.apis.explanation_files import explain_files
    from salseg.apis.finding import ObjectFinder, find_objects
    from salseg.apis.group_files import predict_groups
    from salseg.apis.groups import GroupPredictor
    from salseg.apis.guidance import precompute_guidance
    from salseg.apis.image_files import predict_files, watch_files
    from salseg.apis.looks import FindRules
    from salseg.apis.many_videos import VideosReport, track_videos
    from salseg.apis.models import init_model
    from salseg.apis.predicting import SaliencyPredictor, predict
    from salseg.apis.predictor import Prediction
    from salseg.apis.prompts import read_prompts
    from salseg.apis.submissions import submit_folder, write_submission
    from salseg.apis.testing import SavedTest, predict_dataset, test_and_save
    from salseg.apis.track_files import ObjectTrack
    from salseg.apis.tracking import TrackReport, track
    from salseg.catalog import list_models
    from salseg.propagation import Prompt, Propagator

_MODULES = {
    'ClipPredictor': 'salseg.apis.clips',
    'Explanation': 'salseg.apis.explaining',
    'FindRules': 'salseg.apis.looks',
    'GroupPredictor': 'salseg.apis.groups',
    'ObjectFinder': 'salseg.apis.finding',
    'ObjectTrack': 'salseg.apis.track_files',
    'Prediction': 'salseg.apis.predictor',
    'Prompt': 'salseg.propagation',
    'Propagator': 'salseg.propagation',
    'SaliencyPredictor': 'salseg.apis.predicting',
    'SavedTest': 'salseg.apis.testing',
    'SetExplainer': 'salseg.apis.explaining',
    'ShownView': 'salseg.apis.explaining',
    'TrackExplainer': 'salseg.apis.explaining',
    'TrackReport': 'salseg.apis.tracking',
    'VideosReport': 'salseg.apis.many_videos',
    'binarise': 'salseg.apis.binarising',
    'binarise_files': 'salseg.apis.binarising',
    'explain': 'salseg.apis.explaining',
    'explain_files': 'salseg.apis.explanation_files',
    'find_objects': 'salseg.apis.finding',
    'init_model': 'salseg.apis.models',
    'list_models': 'salseg.catalog',
    'precompute_guidance': 'salseg.apis.guidance',
    'predict': 'salseg.apis.predicting',
    'predict_dataset': 'salseg.apis.testing',
    'predict_files': 'salseg.apis.image_files',
    'predict_groups': 'salseg.apis.group_files',
    'predict_video': 'salseg.apis.clip_files',
    'read_prompts': 'salseg.apis.prompts',
    'submit_folder': 'salseg.apis.submissions',
    'test_and_save': 'salseg.apis.testing',
    'track': 'salseg.apis.tracking',
    'track_videos': 'salseg.apis.many_videos',
    'watch_files': 'salseg.apis.image_files',
    'write_submission': 'salseg.apis.submissions',
}

__all__ = [
    'ClipPredictor',
    'Explanation',
    'FindRules',
    'GroupPredictor',
    'ObjectFinder',
    'ObjectTrack',
    'Prediction',
    'Prompt',
    'Propagator',
    'SaliencyPredictor',
    'SavedTest',
    'SetExplainer',
    'ShownView',
    'TrackExplainer',
    'TrackReport',
    'VideosReport',
    'binarise',
    'binarise_files',
    'explain',
    'explain_files',
    'find_objects',
    'init_model',
    'list_models',
    'precompute_guidance',
    'predict',
    'predict_dataset',
    'predict_files',
    'predict_groups',
    'predict_video',
    'read_prompts',
    'submit_folder',
    'test_and_save',
    'track',
    'track_videos',
    'watch_files',
    'write_submission',
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
