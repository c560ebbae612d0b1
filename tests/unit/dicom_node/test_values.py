from __future__ import annotations

import pytest

from dicom_node.archive.values import body_part_in


@pytest.mark.parametrize(
    ("description", "body_part"),
    [
        ("Chest 5mm", "CHEST"),
        ("2_THORAX/C-", "CHEST"),
        ("Head and neck", ""),
        ("Brain plain", "HEAD"),
        ("Thorax Lung 1.0", "CHEST"),
        ("CHESTNUT", ""),
        ("5/5mm Plain", ""),
        ("", ""),
    ],
)
def test_a_series_description_that_names_one_body_part(description: str, body_part: str) -> None:
    assert body_part_in(description) == body_part
