from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inference.models.density import OpenedDensity, opened
from inference.models.networks import build_network, heat_map_layer

LEVELS = [0.2 + 0.05 * step for step in range(11)]


def network(radius: int = 2, reach: int = 0) -> OpenedDensity:
    made = build_network(f"opened-density/{radius}-{reach}", 1)
    assert isinstance(made, OpenedDensity)
    made.set_levels(LEVELS, softness=0.01, tissue=0.1, bone=0.3)
    return made.eval()


def square(width: int, value: float = 0.9) -> Tensor:
    """A bright square of `width` pixels in tissue of 0.3, which fills the middle, in air."""
    picture = torch.zeros(1, 3, 64, 64)
    picture[..., 8:56, 8:56] = 0.3
    picture[..., 20 : 20 + width, 20 : 20 + width] = value
    return picture


def test_an_opening_keeps_what_is_as_wide_as_the_square_and_takes_the_rest() -> None:
    for width, left in ((4, 0.3), (5, 0.9), (9, 0.9)):
        assert float(opened(square(width)[:, :1], 2)[..., 20:29, 20:29].max()) == pytest.approx(
            left
        )
    assert (opened(square(4), 0) == square(4)).all()


def test_shares_are_of_the_tissue_and_not_of_the_picture() -> None:
    with torch.inference_mode():
        wide, narrow = network().shares(square(16)), network().shares(square(3))
        half = torch.nn.functional.pad(square(16), (32, 32, 32, 32))
        assert network().shares(half) == pytest.approx(wide.numpy(), abs=1e-3)
    assert float(wide[0, 6]) == pytest.approx(16 * 16 / 48**2, rel=0.1)
    assert float(narrow[0, 6]) < 0.001
    assert float(wide[0, 0]) == pytest.approx(0.9, abs=0.1)


def test_what_is_near_something_narrow_and_very_bright_does_not_count() -> None:
    """A shell of cortical bone around spongy bone, and blood that is as dense as that."""
    picture = square(12, 0.5)
    picture[..., 38:52, 38:52] = 1.0
    picture[..., 41:49, 41:49] = 0.5
    with torch.inference_mode():
        counted, all_of_it = network(reach=4).shares(picture), network().shares(picture)
        blood = network().shares(square(12, 0.5))
    assert float(all_of_it[0, 5]) > 1.8 * float(blood[0, 5])
    assert float(counted[0, 5]) == pytest.approx(float(blood[0, 5]), rel=0.4)


def test_a_picture_without_tissue_has_a_finite_answer() -> None:
    with torch.inference_mode():
        assert torch.isfinite(network()(torch.zeros(2, 3, 32, 32))).all()


def test_grad_cam_sees_every_pixel() -> None:
    made = network()
    seen: list[torch.Size] = []
    heat_map_layer(made).register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape)
    )
    with torch.inference_mode():
        assert made(square(9)).shape == (1, 1)
    assert seen == [torch.Size((1, 11, 64, 64))]


def test_wrong_levels_and_a_wrong_name_are_refused() -> None:
    with pytest.raises(ValueError, match="11 levels"):
        network().set_levels([0.5], softness=0.01, tissue=0.1, bone=0.4)
    for name in ("wide", "3", "3-", "-1-2"):
        with pytest.raises(ValueError, match="radius and reach"):
            build_network(f"opened-density/{name}", 1)
