"""Twin of fastmf.kernels.topk: every score in float64, one after another."""

import math

import numpy as np


def unit(row):
    """The row scaled to length 1; a row of zeros as it is."""
    length = math.hypot(*row)
    return [float(x) / length for x in row] if length > 0 else [0.0] * len(row)


def score(query, item, bias, cosine):
    """c + x . y, or the cosine of x and y."""
    if cosine:
        query, item = unit(query), unit(item)
    return bias + sum(float(x) * float(y) for x, y in zip(query, item, strict=True))


def listed(indptr, indices, q):
    """The set of items in row q of a CSR matrix, or of none."""
    return set() if indptr is None else {int(i) for i in indices[indptr[q] : indptr[q + 1]]}


def top_k(
    queries,
    items,
    bias,
    cosine,
    subset,
    norms,
    seen_indptr,
    seen_indices,
    excluded_indptr,
    excluded_indices,
    ids,
    scores,
    num_threads,
):
    """Sort all allowed items of a query by score descending, then number ascending."""
    k = ids.shape[1]
    for q in range(len(queries)):
        hidden = listed(seen_indptr, seen_indices, q) | listed(excluded_indptr, excluded_indices, q)
        allowed = [int(i) for i in (range(len(items)) if subset is None else subset) if int(i) not in hidden]
        ranked = [(-score(queries[q], items[i], 0.0 if bias is None else float(bias[i]), cosine), i) for i in allowed]
        ranked.sort()
        ranked = ranked[:k] + [(math.inf, -1)] * (k - len(ranked))
        for j, (negative, i) in enumerate(ranked):
            ids[q, j], scores[q, j] = i, -negative
    return 0


def rank_of(
    queries, items, bias, seen_indptr, seen_indices, target_indptr, target_indices, scores, higher, equal, num_threads
):
    """Count the allowed items with a higher score, and those with the same score and a smaller number."""
    for q in range(len(queries)):
        hidden = listed(seen_indptr, seen_indices, q)
        all_scores = [
            score(queries[q], items[i], 0.0 if bias is None else float(bias[i]), False) for i in range(len(items))
        ]
        for j in range(target_indptr[q], target_indptr[q + 1]):
            t = int(target_indices[j])
            scores[j] = all_scores[t]
            higher[j] = sum(s > all_scores[t] for i, s in enumerate(all_scores) if i not in hidden)
            equal[j] = sum(s == all_scores[t] for i, s in enumerate(all_scores[:t]) if i not in hidden)


def coarse_items(items, bias, order, weight, coarse, strips, num_threads):
    """Each strip of 256 items in whole steps: the longest row has 46,000, no number more than 32,767."""
    width = coarse.shape[1] // 256
    coarse[:] = 0
    for strip in range(len(coarse)):
        members = order[256 * strip : 256 * (strip + 1)]
        rows = items[members].astype(np.float64)
        if bias is not None:
            rows = np.column_stack([rows, bias[members] / weight])
        longest, largest = np.sqrt((rows**2).sum(axis=1)).max(), np.abs(rows).max(initial=0)
        step = max(longest / 46000, largest / 32767, 1e-18)
        whole = np.rint(rows / step)
        for place, row in enumerate(whole):
            panel, lane = place // 32 * 32 * width, place % 2 * 32 + place % 32 // 2 * 2
            for j, number in enumerate(row):
                coarse[strip, panel + j // 2 * 64 + lane + j % 2] = number
        left = np.sqrt(((rows - step * whole) ** 2).sum(axis=1)).max()
        rounding = (items.shape[1] + 2) * np.finfo(items.dtype).eps * longest
        strips[strip] = 1 / step, longest, left + rounding, weight


def lost_pairs(
    queries,
    items,
    bias,
    order,
    norms,
    position,
    coarse,
    strips,
    seen_indptr,
    seen_indices,
    target_indptr,
    target_indices,
    ids,
    scores,
    target_scores,
    lost,
    num_threads,
):
    """Compare every target with every allowed item: 2 for a higher score, 1 for the same; its scores are sorted."""
    for q in range(len(queries)):
        hidden = listed(seen_indptr, seen_indices, q)
        all_scores = [
            score(queries[q], items[i], 0.0 if bias is None else float(bias[i]), False) for i in range(len(items))
        ]
        row = slice(target_indptr[q], target_indptr[q + 1])
        target_scores[row] = sorted(all_scores[t] for t in target_indices[row])
        others = [s for i, s in enumerate(all_scores) if i not in hidden]
        lost[q] = sum(2 * (s > t) + (s == t) for t in target_scores[row] for s in others)
    return top_k(
        queries, items, bias, False, order, norms, seen_indptr, seen_indices, None, None, ids, scores, num_threads
    )
