from __future__ import annotations

import warnings

import pytest

from inference.models.quiet import quiet


def test_nobody_is_warned_in_it_and_everybody_after() -> None:
    with quiet():
        warnings.warn("of no concern", stacklevel=1)
    with pytest.raises(UserWarning, match="of concern"):
        warnings.warn("of concern", stacklevel=1)


def test_several_may_be_in_it_and_leave_in_any_order() -> None:
    before = list(warnings.filters)
    first, second = quiet(), quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    warnings.warn("of no concern", stacklevel=1)
    second.__exit__(None, None, None)
    assert warnings.filters == before
