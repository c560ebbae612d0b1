"""Rules that name what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.domain.errors import UnknownModel
from wetread.bootstrap import build_registry, build_rulebook
from wetread.settings import RuleSettings, Settings


def test_a_model_that_this_process_lacks_ends_the_start_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, rules=(RuleSettings(name="legs", model="legs-ai"),))
    with pytest.raises(
        UnknownModel, match=r"'legs-ai' is registered, and the rule legs needs it: "
    ):
        build_rulebook(settings, build_registry(settings))
