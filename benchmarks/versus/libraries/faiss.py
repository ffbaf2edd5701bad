"""faiss: IndexFlatIP, which is exact, and HNSW, which is not; neither filters."""

from __future__ import annotations

from typing import Any

from benchmarks.versus._harness import Contender
from benchmarks.versus._tasks import Retrieval

LINKS, BUILD_EFFORT = 32, 200  # of HNSW


def retrieval(task: Retrieval) -> list[Contender]:
    import faiss

    faiss.omp_set_num_threads(task.threads)
    factors = task.items.shape[1]

    def flat() -> Any:
        index = faiss.IndexFlatIP(factors)
        index.add(task.items)
        return lambda users, seen: index.search(users, task.k)[1]

    def graph() -> Any:
        index = faiss.IndexHNSWFlat(factors, LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = BUILD_EFFORT
        index.add(task.items)
        for effort in (16, 32, 64, 128, 256, 512, 1024, 2048):
            index.hnsw.efSearch = effort
            if task.recall_of(index.search(task.users[:1000], task.k)[1], filtered=False) >= task.recall:
                break
        return lambda users, seen: index.search(users, task.k)[1]

    return [Contender("faiss flat, no filter", flat), Contender("faiss HNSW, no filter", graph)]
