"""What is kept of a picture lies in it, whatever its shape and whatever was chosen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thumbnails.conftest import opened, picture
from thumbnails.gallery import AS_STORED
from thumbnails.render import ZOOM, placed, region
from thumbnails.resolve import SIZES
from thumbnails.sandbox import render

sides = st.integers(1, 6000)
shares = st.floats(0, 1)


@pytest.mark.parametrize("size", [(1444, 745), (1280, 464), (1280, 508), (464, 1280), (37, 2999)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_any_shape_is_taken(size: tuple[int, int], form: str) -> None:
    for order in (AS_STORED, {**AS_STORED, "size": SIZES["list"], "grow": False}):
        assert opened(render(order, [picture(form, size)])).mode == "RGB"


@given(
    shown=st.tuples(sides, sides),
    eighth=st.sampled_from([1, 2, 4, 8]),
    size=st.sampled_from(sorted(SIZES)),
    fit=st.sampled_from(["cover", "inside"]),
    crop=st.none() | st.tuples(shares, shares, st.floats(1, ZOOM)),
)
def test_what_is_kept_lies_within_the_picture(
    shown: tuple[int, int], eighth: int, size: str, fit: str, crop: tuple[float, ...] | None
) -> None:
    # A JPEG is decoded to a part of its size, rounded up.
    decoded = (-(-shown[0] // eighth), -(-shown[1] // eighth))

    box, target = placed(shown, {"size": SIZES[size], "fit": fit, "crop": crop})
    left, top, right, bottom = region(box, shown, decoded)

    assert min(box) >= 0
    assert 0 <= left < right <= decoded[0]
    assert 0 <= top < bottom <= decoded[1]
    assert all(1 <= side <= most for side, most in zip(target, SIZES[size], strict=True))
