import torch

from salseg.ops import co_attention


def sample(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in ((2, 5, 4), (2, 7, 4), (4, 4))]


def test_equals_the_softmax_of_unscaled_products():
    query, source, bilinear = sample()
    wanted = (query @ bilinear @ source.transpose(1, 2)).softmax(-1) @ source
    torch.testing.assert_close(co_attention(query, source, bilinear), wanted)


def test_gradients_equal_those_of_the_plain_form():
    tensors = [value.requires_grad_() for value in sample()]
    query, source, bilinear = tensors
    plain = (query @ bilinear @ source.transpose(1, 2)).softmax(-1) @ source
    weight = torch.linspace(-1, 1, plain.numel(), dtype=plain.dtype).view_as(plain)
    wanted = torch.autograd.grad((plain * weight).sum(), tensors)
    found = torch.autograd.grad((co_attention(*tensors) * weight).sum(), tensors)
    torch.testing.assert_close(found, wanted)


def test_half_precision_keeps_its_type_and_does_not_overflow():
    query, source, bilinear = sample(dtype=torch.float32)
    result = co_attention((query * 300).half(), (source * 300).half(), bilinear.half())
    assert result.dtype == torch.float16
    assert torch.isfinite(result).all()


def test_autocast_does_not_lower_the_precision():
    query, source, bilinear = sample(dtype=torch.float32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = co_attention(query, source, bilinear)
    torch.testing.assert_close(found, co_attention(query, source, bilinear), rtol=0, atol=0)
