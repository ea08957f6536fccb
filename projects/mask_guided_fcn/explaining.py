"""The masks that are learnt from a set, beside what they start from."""

from projects.mask_guided_fcn.mask_guided_fcn import MaskGuidedSegmentor, MaskLearner
from salseg.models.explainers import Explainer, View
from salseg.models.segmentors import BaseSegmentor
from salseg.ops.geometry import map_size
from salseg.ops.mask_learner import begin
from salseg.registry import EXPLAINERS
from salseg.structures import FrameInputs


@EXPLAINERS.register_module()
class MasksExplainer(Explainer):
    """Learnt masks against the principal direction of the features, PCA (mask-guided FCN, section 3.1)."""

    what = 'masks'
    shows = (
        "responses of the features' principal direction (PCA) and the masks learnt from there; 1 is an image's largest"
    )

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """A mask-guided network that learns its masks itself."""
        return isinstance(model, MaskGuidedSegmentor) and isinstance(model.learner, MaskLearner)

    def explain(self, inputs: FrameInputs) -> dict[str, View]:
        """``pca``, ``mask`` and ``difference``."""
        learner = self.model.learner
        learner.check_weights(self.model.weights_source is not None)
        features = learner.features(inputs.frames[0])
        masks = learner.learn(features)[:, 0]
        mode, spread = learner.mode, learner.response_std
        grid = map_size(features)
        _, start = begin(features.flatten(2).transpose(1, 2), grid, spread if mode == 'robust' else None)
        positive = start.masks.clamp(min=0).to(masks)
        # As the masks are brought to 1, so that both are on one scale.
        pca = (positive / positive.amax(1, keepdim=True).clamp(min=1e-30)).unflatten(1, grid)
        return dict(
            pca=View('PCA', pca, limits=(0.0, 1.0)),
            mask=View('learnt mask', masks, limits=(0.0, 1.0)),
            difference=View('mask - PCA', masks - pca, 'signed', limits=(-1.0, 1.0)),
        )
