"""What every ImageComparer promises. A test class inherits this and says how to make its files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from inference.domain.incident import Comparison
from inference.ports import ImageComparer


def going_on() -> bool:
    return False


class ImageComparerContract(ABC):
    @pytest.fixture
    @abstractmethod
    def comparer(self) -> ImageComparer: ...

    @abstractmethod
    def write(self, path: Path, *, pixel: int = 0, encoded: bool = False) -> Path:
        """Write an image that `pixel` tells from others, and that may be encoded otherwise."""

    @abstractmethod
    def damaged(self, path: Path) -> Path:
        """Write the image of `pixel=0`, so that it cannot be decoded."""

    def test_the_same_image_encoded_otherwise_is_the_same(
        self, comparer: ImageComparer, tmp_path: Path
    ) -> None:
        one = self.write(tmp_path / "1")
        other = self.write(tmp_path / "2", encoded=True)
        assert comparer.compare(one, other, going_on) is Comparison.SAME
        assert comparer.compare(other, one, going_on) is Comparison.SAME

    @pytest.mark.parametrize("encoded", [False, True])
    def test_another_image_differs(
        self, comparer: ImageComparer, tmp_path: Path, encoded: bool
    ) -> None:
        one = self.write(tmp_path / "1")
        other = self.write(tmp_path / "2", pixel=1, encoded=encoded)
        assert comparer.compare(one, other, going_on) is Comparison.DIFFERS

    def test_what_cannot_be_decoded_fails(self, comparer: ImageComparer, tmp_path: Path) -> None:
        one = self.write(tmp_path / "1")
        assert comparer.compare(one, self.damaged(tmp_path / "2"), going_on) is Comparison.FAILED

    def test_who_is_stopped_cannot_tell(self, comparer: ImageComparer, tmp_path: Path) -> None:
        one = self.write(tmp_path / "1")
        other = self.write(tmp_path / "2", encoded=True)
        assert comparer.compare(one, other, lambda: True) is Comparison.FAILED

    def test_a_file_that_is_gone_is_no_answer(
        self, comparer: ImageComparer, tmp_path: Path
    ) -> None:
        with pytest.raises(OSError, match="2"):
            comparer.compare(self.write(tmp_path / "1"), tmp_path / "2", going_on)
