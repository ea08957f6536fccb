import pytest
import torch

from salseg.errors import ConfigError
from salseg.models.matchers import NonLocalPixelMatching


def alike(similarity, scale):
    """A matching whose two reductions are the same, so that equal images should match position by position."""
    torch.manual_seed(0)
    matching = NonLocalPixelMatching(6, 4, scale, similarity)
    matching.reduce_target.load_state_dict(matching.reduce_reference.state_dict())
    return matching.requires_grad_(False)


def test_what_all_positions_share_hides_the_match_from_products_and_not_from_cosines():
    image = torch.randn(1, 6, 5, 7, generator=torch.Generator().manual_seed(1)) + 30
    for similarity, scale, finds in (('product', 1.0, False), ('cosine', 100.0, True)):
        matching = alike(similarity, scale)
        reduced = matching.reduce_reference(image)
        near = (matching(image, image) - reduced).abs()[..., 1:-1, 1:-1].mean() < 0.05 * reduced.std()
        assert bool(near) is finds


def test_cosines_do_not_depend_on_the_length_of_a_map():
    matching = alike('cosine', 10.0)
    reference, target = torch.randn(2, 2, 4, 5, 5, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        matching.match(3 * reference, torch.cat([target, target[:, :2]], 1)),
        3 * matching.match(reference, torch.cat([target, target[:, :2]], 1)),
    )


def test_an_unknown_similarity_is_refused():
    with pytest.raises(ConfigError, match="similarity='euclid'; expected 'product' or 'cosine'"):
        NonLocalPixelMatching(6, 4, similarity='euclid')
