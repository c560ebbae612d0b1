"""Folds by patient: what is scored was never learned from, nor chosen by.

Repeated cross-validation with a second one inside each fold, which makes the choices (Cawley
and Talbot, On over-fitting in model selection, JMLR 2010).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from sklearn.model_selection import StratifiedGroupKFold

Numbers = NDArray[np.float64]
Key = tuple[int, int]  # radius and reach, pixels
Candidates = Mapping[Key, Numbers]  # features: (views, slices, features)


class Plan(Protocol):
    """How to divide, and the penalties to choose from: a part of the settings."""

    @property
    def seed(self) -> int: ...
    @property
    def strengths(self) -> Sequence[float]: ...
    @property
    def repeats(self) -> int: ...
    @property
    def folds(self) -> int: ...
    @property
    def inner_folds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Choice:
    radius: int
    reach: int
    strength: float

    @property
    def key(self) -> Key:
        return self.radius, self.reach


@dataclass(frozen=True, slots=True)
class Line:
    """A logit is `features @ weights + bias`."""

    weights: Numbers
    bias: float

    def logits(self, features: Numbers) -> Numbers:
        result: Numbers = features @ self.weights + self.bias
        return result


def fit(features: Numbers, targets: Numbers, strength: float) -> Line:
    """Fit a ridge-penalised logistic regression; both classes weigh the same.

    `features`: (views, slices, features). All views of a slice together count as one slice.
    """
    views = len(features)
    rows = features.reshape(-1, features.shape[-1])
    middle, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    standard = (rows - middle) / spread
    truth = np.tile(targets, views)
    share = float(truth.mean())
    costs = np.where(truth == 1, 0.5 / share, 0.5 / (1 - share)) * strength / views
    if len(rows) < rows.shape[1]:
        # The penalised weights lie in the span of the rows, and are found faster there.
        values, vectors = np.linalg.eigh(standard @ standard.T)
        kept = values > 1e-9 * values[-1]
        lengths = np.sqrt(values[kept])
        found, bias = _newton(vectors[:, kept] * lengths, truth, costs)
        found = standard.T @ (vectors[:, kept] @ (found / lengths))
    else:
        found, bias = _newton(standard, truth, costs)
    weights: Numbers = found / spread
    return Line(weights, bias - float(weights @ middle))


def _newton(rows: Numbers, truth: Numbers, costs: Numbers) -> tuple[Numbers, float]:
    """Return weights and bias that make half their square plus the costs of errors least.

    As scikit-learn's LogisticRegression with C = 1 and these sample weights, in a tenth of
    the time on so few rows; folds within folds ask for it tens of thousands of times.
    """
    design = np.column_stack([rows, np.ones(len(rows))])
    penalty = np.append(np.ones(rows.shape[1]), 0.0)  # none on the bias
    signs = 2 * truth - 1

    def loss(at: Numbers) -> float:
        return float(costs @ np.logaddexp(0.0, -signs * (design @ at)) + penalty @ (at * at) / 2)

    point = np.zeros(design.shape[1])
    now = loss(point)
    for _ in range(100):
        share = 1 / (1 + np.exp(-(design @ point)))
        slope = design.T @ (costs * (share - truth)) + penalty * point
        curve = (design.T * (costs * share * (1 - share))) @ design
        step = np.linalg.solve(curve + np.diag(penalty + 1e-12), slope)
        size = 1.0
        while (after := loss(point - size * step)) > now and size > 1e-6:
            size /= 2
        if after >= now:
            break
        gain, now = now - after, after
        point = point - size * step
        if gain < 1e-12 * max(1.0, now):
            break
    return point[:-1], float(point[-1])


def learned(features: Numbers) -> Numbers:
    """Return the views to learn from: not the slices as they are, if there are others.

    As they are, the classes may differ in their field of view.
    """
    return features[1:] if len(features) > 1 else features


def choose(
    candidates: Candidates,
    targets: Numbers,
    patients: NDArray[np.str_],
    plan: Plan,
    repeats: Iterable[int],
) -> Choice:
    """Return what has the least log loss on patients left out in turn, repeat after repeat."""
    options = list(product(candidates, plan.strengths))
    losses = np.zeros(len(options))
    for repeat in repeats:
        parts = list(_divide(targets, patients, plan.inner_folds, plan.seed + repeat))
        for place, (key, strength) in enumerate(options):
            for learn, ask in parts:
                features = learned(candidates[key])
                line = fit(features[:, learn], targets[learn], strength)
                # Views weigh alike here too: the choice must hold for every field of view.
                for each in features[:, ask]:
                    losses[place] += _loss(targets[ask], line.logits(each))
    (radius, reach), strength = options[int(np.argmin(losses))]
    return Choice(radius, reach, strength)


def out_of_fold(
    candidates: Candidates,
    targets: Numbers,
    patients: NDArray[np.str_],
    plan: Plan,
    progress: Progress,
) -> tuple[Numbers, list[Choice]]:
    """Return logits, (views, repeats, slices), and the choice of every fold."""
    views = len(next(iter(candidates.values())))
    logits = np.full((views, plan.repeats, len(targets)), np.nan)
    chosen: list[Choice] = []
    task = progress.add_task("folds", total=plan.repeats * plan.folds)
    for repeat in range(plan.repeats):
        for learn, ask in _divide(targets, patients, plan.folds, plan.seed + repeat):
            own = {key: values[:, learn] for key, values in candidates.items()}
            choice = choose(own, targets[learn], patients[learn], plan, (repeat,))
            line = fit(learned(own[choice.key]), targets[learn], choice.strength)
            for place, features in enumerate(candidates[choice.key][:, ask]):
                logits[place, repeat, ask] = line.logits(features)
            chosen.append(choice)
            progress.update(task, advance=1)
    return logits, chosen


def _divide(
    targets: Numbers, patients: NDArray[np.str_], folds: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return (learn, ask): no patient is in both, and the classes are spread evenly.

    A division in which a part lacks a class cannot be learned from; the next seed is taken.
    """
    for attempt in range(100):
        division = StratifiedGroupKFold(folds, shuffle=True, random_state=seed + 10_000 * attempt)
        parts = list(division.split(targets, targets, patients))
        if all(len(set(targets[learn])) == 2 for learn, _ in parts):
            return parts
    raise ValueError(f"there are too few patients for {folds} folds with both classes in each")


def _loss(targets: Numbers, logits: Numbers) -> float:
    return float(np.logaddexp(0.0, -(2 * targets - 1) * logits).sum())
