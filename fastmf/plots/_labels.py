"""Titles beside their points, none over another."""

from __future__ import annotations

from typing import Any

import numpy as np

# Where a title may stand: distance from its point in points, and the sides it is aligned by.
PLACES = tuple(
    (dx * far, dy * far, horizontal, vertical)
    for far in (1, 2)
    for dx, dy, horizontal, vertical in (
        (5, 0, "left", "center"),
        (-5, 0, "right", "center"),
        (0, 5, "center", "bottom"),
        (0, -5, "center", "top"),
        (4, 4, "left", "bottom"),
        (4, -4, "left", "top"),
        (-4, 4, "right", "bottom"),
        (-4, -4, "right", "top"),
    )
)


def place(ax: Any, points: Any, titles: list[str], size: float = 7.5) -> list[Any]:
    """Write titles, the first ones first, each where nothing else is; one that finds no place is left out.

    Parameters
    ----------
    ax : matplotlib Axes
        With the limits it will have.
    points : array of shape (n, 2)
        In data coordinates.
    titles : list of n str
    size : float
        Of the letters, in points.

    Returns
    -------
    list of matplotlib Annotation
        Those written.
    """
    figure = ax.figure
    figure.draw_without_rendering()  # settles the layout, on which the place of everything depends
    renderer = figure.canvas.get_renderer()
    pixels = ax.transData.transform(points)
    frame = ax.get_window_extent(renderer)
    radius = 2.5 * figure.dpi / 72
    taken = [(x - radius, y - radius, x + radius, y + radius) for x, y in pixels]
    written = []
    for number, title in enumerate(titles):
        text = ax.annotate(
            title, points[number], xytext=(0, 0), textcoords="offset points", fontsize=size, parse_math=False
        )
        for dx, dy, horizontal, vertical in PLACES:
            text.set_position((dx, dy))
            text.set_horizontalalignment(horizontal)
            text.set_verticalalignment(vertical)
            box = text.get_window_extent(renderer).padded(1.5).extents
            inside = (box[:2] >= frame.extents[:2]).all() and (box[2:] <= frame.extents[2:]).all()
            others = [other for at, other in enumerate(taken) if at != number]
            if inside and not _overlaps(box, np.array(others).reshape(-1, 4)):
                taken.append(tuple(box))
                written.append(text)
                break
        else:
            text.remove()
    return written


def _overlaps(box: Any, others: Any) -> bool:
    apart = (others[:, 0] >= box[2]) | (others[:, 2] <= box[0]) | (others[:, 1] >= box[3]) | (others[:, 3] <= box[1])
    return bool((~apart).any())
