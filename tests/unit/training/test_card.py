from __future__ import annotations

import dataclasses
from pathlib import Path

import inference.training
from inference.training.card import card
from inference.training.config import read_config
from inference.training.evaluate import Interval, Performance

CONFIG = Path(inference.training.__file__).parent / "configs" / "cxr-pneumonia.toml"

METRICS = {
    "model": "cxr-pneumonia",
    "version": "1.0.0",
    "weights_sha256": "a" * 64,
    "data_sha256": "b" * 64,
    "images": {"training": 10, "left_out": 2},
    "training": {"seed": 1, "epochs": 2, "epoch_chosen": 2},
    "temperature": 1.5,
    "threshold": 0.4321,
}


def measured(auroc: float) -> Performance:
    share = Interval(0.9, 0.8, 0.95, 50)
    return Performance(
        images=100,
        positive=50,
        patients=90,
        auroc=Interval(auroc, auroc - 0.02, auroc + 0.01, 100),
        sensitivity=share,
        specificity=share,
        brier=0.1,
        sensitivity_of={"virus": share},
    )


def test_the_card_says_what_was_measured_and_what_cannot_be_done() -> None:
    config = read_config(CONFIG)
    text = card(config, METRICS, {"validation": measured(0.98), "test": measured(0.95)})
    assert "| test | 50 / 50 | 0.950 (0.930–0.960) | 90.0% (80.0%–95.0%; n = 50)" in text
    assert "AUROC 0.980 on held-out patients, 0.950 on the test images" in text
    assert "virus 90.0%" in text
    assert "0.4321" in text
    for sentence in (*config.limits, *config.remarks, config.manifest["licence"]):
        assert sentence in text


def test_without_test_images_the_card_is_silent_about_them() -> None:
    config = dataclasses.replace(read_config(CONFIG), evaluation=(), remarks=())
    text = card(config, METRICS, {"validation": measured(0.98)})
    assert "| test |" not in text
    assert "Where images are acquired otherwise" not in text
