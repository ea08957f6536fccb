"""What one input of a model is: a picture, a group, or a clip."""

from collections.abc import Mapping
from typing import Any, Literal

from salseg.errors import ConfigError
from salseg.models import BaseSegmentor, SaliencySegmentor
from salseg.registry import DATASETS

SetKind = Literal['image', 'group', 'clip']


def set_kind(model: BaseSegmentor) -> SetKind:
    """What the model's test set is made of, ``set_kind`` of its data set's class.

    Raises:
        ConfigError: The model follows prompts and has no maps to predict.
    """
    if not isinstance(model, SaliencySegmentor):
        raise ConfigError(f'{type(model).__name__} follows objects that you mark: use `salseg track`.')
    return DATASETS.get(first_test_set(model)['type']).set_kind


def first_test_set(model: BaseSegmentor) -> Mapping[str, Any]:
    """Config of a model's first test set, inside concatenations too."""
    dataset: Mapping[str, Any] = model.cfg.test_dataloader.dataset
    while 'datasets' in dataset:
        dataset = dataset['datasets'][0]
    return dataset
