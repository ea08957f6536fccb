"""What one input of a model is: an image, a group, or a clip."""

from collections.abc import Mapping
from typing import Any, Literal

from salseg.errors import ConfigError
from salseg.models import BaseSegmentor, SaliencySegmentor
from salseg.registry import DATASETS

InputType = Literal['image', 'group', 'clip']


def input_type(model: BaseSegmentor) -> InputType:
    """What the model's test set is made of, ``input_type`` of its data set's class.

    Raises:
        ConfigError: The model tracks prompted objects and has no maps to predict.
    """
    if not isinstance(model, SaliencySegmentor):
        raise ConfigError(f'{type(model).__name__} tracks objects that you mark: use `salseg track`.')
    return DATASETS.get(first_test_set(model)['type']).input_type


def first_test_set(model: BaseSegmentor) -> Mapping[str, Any]:
    """Config of a model's first test set, inside concatenations too."""
    dataset: Mapping[str, Any] = model.cfg.test_dataloader.dataset
    while 'datasets' in dataset:
        dataset = dataset['datasets'][0]
    return dataset
