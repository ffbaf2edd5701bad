"""Twin of fastmf/kernels/metrics.pyx: the definitions of the metrics, spelled out list by list.

Nothing is shared with the kernel: each cut-off starts afresh, hits are found in a set, and the ideal list is built and
scored like any other list.
"""

import itertools
import math


def ranking(ranked, indptr, indices, cutoffs, discount, ideal, out, num_threads=1):
    for u, row in enumerate(ranked):
        relevant = {int(i) for i in indices[indptr[u] : indptr[u + 1]]}
        for c, k in enumerate(cutoffs):
            out[u, :, c] = [metric([int(i) for i in row[:k]], relevant, int(k)) for metric in METRICS.values()]


def hits(top, relevant):
    return [item in relevant for item in top]


def precision(top, relevant, k):
    return sum(hits(top, relevant)) / k


def recall(top, relevant, k):
    return sum(hits(top, relevant)) / len(relevant) if relevant else 0.0


def recall_min(top, relevant, k):
    return sum(hits(top, relevant)) / min(k, len(relevant)) if relevant else 0.0


def dcg(gains):
    return math.fsum(gain / math.log2(position + 1) for position, gain in enumerate(gains, start=1))


def ndcg(top, relevant, k):
    perfect = [1] * min(k, len(relevant))
    return dcg(hits(top, relevant)) / dcg(perfect) if relevant else 0.0


def mean_average_precision(top, relevant, k):
    at_hits = [precision(top[:r], relevant, r) for r in range(1, len(top) + 1) if top[r - 1] in relevant]
    return math.fsum(at_hits) / min(k, len(relevant)) if relevant else 0.0


def mrr(top, relevant, k):
    return max((1.0 / position for position, hit in enumerate(hits(top, relevant), start=1) if hit), default=0.0)


def hit_rate(top, relevant, k):
    return float(any(hits(top, relevant)))


METRICS = {
    "precision": precision,
    "recall": recall,
    "recall_min": recall_min,
    "ndcg": ndcg,
    "map": mean_average_precision,
    "mrr": mrr,
    "hit_rate": hit_rate,
}


def means(ranked, values, cutoffs, out, num_threads=1):
    for u, row in enumerate(ranked):
        for c, k in enumerate(cutoffs):
            carried = [float(values[item]) for item in row[:k] if item >= 0]
            out[u, c] = math.fsum(carried) / len(carried) if carried else 0.0


def diversity(ranked, units, squares, cutoffs, workspace, out, num_threads=1):
    for u, row in enumerate(ranked):
        for c, k in enumerate(cutoffs):
            vectors = [[float(x) for x in units[item]] for item in row[:k] if item >= 0]
            cosines = [
                math.fsum(x * y for x, y in zip(v, w, strict=True)) for v, w in itertools.combinations(vectors, 2)
            ]
            out[u, c] = 1.0 - math.fsum(cosines) / len(cosines) if cosines else 0.0


def common(indptr, indices, indptr_2, indices_2, out, num_threads=1):
    for u in range(len(indptr) - 1):
        other = set(indices_2[indptr_2[u] : indptr_2[u + 1]].tolist())
        for p in range(indptr[u], indptr[u + 1]):
            out[p] = int(indices[p]) in other
