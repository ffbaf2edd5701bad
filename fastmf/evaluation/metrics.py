"""What each metric means, in one table.

Throughout: k is a cut-off, a list's first k items; n the number of a user's relevant items, the test entries; a hit is
a relevant item in the list, and position 1 its best. Relevance is yes or no. A value of a user is a mean over nothing
but that user's own list, and a reported figure is the mean over the users with at least one relevant item.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fastmf import _checks

Kind = Literal["list", "catalogue", "user", "rating"]


@dataclass(frozen=True)
class Metric:
    """A metric: its name, its definition, and what it is a figure of.

    Attributes
    ----------
    name : str
        What reports call it; with "@k" behind it if it has a cut-off.
    definition : str
        The formula in words.
    kind : "list", "catalogue", "user" or "rating"
        Of one user's list at a cut-off; of all users' lists together at a cut-off; of one user, without a cut-off;
        of the predicted ratings.
    """

    name: str
    definition: str
    kind: Kind

    @property
    def has_cutoff(self) -> bool:
        """Whether the metric depends on k."""
        return self.kind in ("list", "catalogue")

    @property
    def per_user(self) -> bool:
        """Whether each user has a value, of which the reported figure is the mean."""
        return self.kind in ("list", "user")

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller figure is the better one: errors, and the inequality of exposure."""
        return self.kind == "rating" or self.name == "gini"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("precision", "hits in the first k, divided by k, however many items there are to recommend", "list"),
        Metric("recall", "hits in the first k, divided by n", "list"),
        Metric("recall_min", "hits in the first k, divided by min(k, n), so that a perfect list scores 1", "list"),
        Metric(
            "ndcg",
            "sum of 1 / log2(position + 1) over the hits in the first k, divided by that of min(k, n) hits on top",
            "list",
        ),
        Metric("map", "sum of precision@position over the positions of the hits in the first k, / min(k, n)", "list"),
        Metric("mrr", "1 / position of the first hit, 0 if it is not in the first k", "list"),
        Metric("hit_rate", "1 if there is a hit in the first k, else 0", "list"),
        Metric(
            "novelty",
            "mean over the first k items of -log2(share of training users who have the item); an item nobody has "
            "counts as had by one",
            "list",
        ),
        Metric(
            "diversity",
            "1 - mean cosine, over the pairs among the first k items, of their vectors: the model's item factors "
            "unless others are given; 0 for fewer than two items",
            "list",
        ),
        Metric("coverage", "share of all items that are in the first k of at least one user", "catalogue"),
        Metric(
            "gini",
            "Gini coefficient of how often each item is in the first k: 0 if all items equally often, near 1 if few "
            "items have it all",
            "catalogue",
        ),
        Metric(
            "auc",
            "probability that a relevant item scores higher than an item neither relevant nor excluded, ties half",
            "user",
        ),
        Metric("rmse", "square root of the mean, over test entries, of (rating - prediction)^2", "rating"),
        Metric("mae", "mean, over test entries, of |rating - prediction|", "rating"),
    )
}


def checked_names(metrics: object) -> tuple[str, ...]:
    """Names of metrics in the order of the table; all for None."""
    if metrics is None:
        return tuple(METRICS)
    names = (metrics,) if isinstance(metrics, str) else metrics
    if not isinstance(names, Iterable):
        raise TypeError(f"metrics must be None, a name or a sequence of names, got {_checks.shown(metrics)}")
    names = tuple(names)
    for name in names:
        if name not in METRICS:
            hint = "; cut-offs are given by k" if isinstance(name, str) and "@" in name else ""
            raise ValueError(f"metrics must be among {', '.join(METRICS)}{hint}, got {_checks.shown(name)}")
    if not names:
        raise ValueError("metrics must name at least one metric, got none")
    return tuple(name for name in METRICS if name in names)


def figure_of(name: str, value: object) -> tuple[Metric, int | None]:
    """The metric and the cut-off that a figure's name, such as "ndcg@10" or "rmse", stands for."""
    if isinstance(value, str):
        metric, at, k = value.partition("@")
        if metric in METRICS and METRICS[metric].has_cutoff == bool(at):
            if not at:
                return METRICS[metric], None
            if k.isdecimal() and 1 <= int(k) < 2**31 and k == str(int(k)):
                return METRICS[metric], int(k)
    listed = ", ".join(f"{metric.name}@k" if metric.has_cutoff else metric.name for metric in METRICS.values())
    kind = ValueError if isinstance(value, str) else TypeError
    raise kind(f"{name} must be one of {listed}, with a number >= 1 for k, got {_checks.shown(value)}")


def checked_cutoffs(k: object, name: str = "k") -> tuple[int, ...]:
    """Cut-offs, ascending and without repetitions."""
    values = list(k) if isinstance(k, Iterable) and not isinstance(k, (str, bytes)) else [k]
    if not values:
        raise ValueError(f"{name} must be an integer >= 1 or several, got none")
    return tuple(sorted({_checks.integer(name, value, 1, 2**31 - 1) for value in values}))
