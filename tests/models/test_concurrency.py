"""Many Python threads may ask one fitted model at once: the answers are the same, and kernels do not hold the GIL."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import N_ITEMS, N_USERS, K, matrix
from stand_in import GivenFactors

from fastmf.models import _names

USERS, ITEMS = np.arange(N_USERS), np.arange(N_USERS) % N_ITEMS
ROWS = [np.flatnonzero(row) for row in np.random.default_rng(2).random((N_USERS, N_ITEMS)) < 0.4]

QUESTIONS = {  # each a number of arrays
    "predict": lambda m, threads: [m.predict(USERS, ITEMS, num_threads=threads)],
    "recommend": lambda m, threads: m.recommend(USERS, K, num_threads=threads),
    "recommend one": lambda m, threads: m.recommend(7, K, num_threads=threads),
    "recommend by user": lambda m, threads: m.recommend(USERS, K, candidates=ROWS, num_threads=threads),
    "recommend all": lambda m, threads: [part for batch in m.recommend_all(K, batch_size=7) for part in batch],
    "similar items": lambda m, threads: m.similar_items(np.arange(N_ITEMS), K, num_threads=threads),
    "similar users": lambda m, threads: m.similar_users(USERS, K, num_threads=threads),
    "rank": lambda m, threads: [m.rank(USERS, ITEMS, num_threads=threads)],
}
WALS_QUESTIONS = {
    "new users": lambda m, threads: m.recommend(rows=matrix(), k=K, num_threads=threads),
    "fold in": lambda m, threads: [m.fold_in_users(matrix(), num_threads=threads), m.fold_in_items(matrix())],
    "explain": lambda m, threads: [m.explain(u, 3).contributions for u in range(4)],
}


@pytest.mark.parametrize("threads", [1, 2])
def test_answers_to_many_threads_are_those_one_after_another(numbered, threads):
    questions = {**QUESTIONS, **(WALS_QUESTIONS if hasattr(numbered, "explain") else {})}

    def answer(name):
        return [part.tobytes() for part in questions[name](numbered, threads)]

    expected = {name: answer(name) for name in questions}
    order = np.random.default_rng(0).permutation(np.repeat(list(questions), 12)).tolist()
    started = threading.Barrier(8)
    with ThreadPoolExecutor(8, initializer=started.wait) as pool:
        for name, got in zip(order, pool.map(answer, order), strict=True):
            assert got == expected[name], name


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_fit_in_another_thread_does_not_mix_into_an_answer(make, monkeypatch, name):
    """Here it comes at the worst moment: when the ids are already turned into the numbers of the earlier fit."""
    model = make().fit(matrix())
    before = model._state
    later = make().fit(sp.csr_array(matrix().toarray()[::-1, ::-1][:, : N_ITEMS - 5]))._state
    expected = [part.tobytes() for part in QUESTIONS[name](model, 1)]
    for module in ("_base", "_recommend", "_similar"):
        for function in ("numbers_of", "pairs_of"):
            original = getattr(_names, function)

            def fitted_meanwhile(*arguments, original=original):
                numbers = original(*arguments)
                model._state = later
                return numbers

            monkeypatch.setattr(f"fastmf.models.{module}.{function}", fitted_meanwhile, raising=False)
    assert [part.tobytes() for part in QUESTIONS[name](model, 1)] == expected
    assert model._state is (before if name == "recommend all" else later)


# -- the GIL ------------------------------------------------------------------------------------------------------

N, FACTORS, ASKED = 20_000, 64, 3_000  # some 50 ms, which a thread does in one call of a kernel


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((2, N, FACTORS)).astype(np.float32)
    return GivenFactors(num_threads=1).fit(sp.csr_array((N, N)), factors[0], factors[1])


PAIRS = np.random.default_rng(1).integers(0, N, (2, 1_500_000))

LONG = {
    "predict": lambda m: m.predict(*PAIRS),
    "recommend": lambda m: m.recommend(np.arange(ASKED), K),
    "similar_items": lambda m: m.similar_items(np.arange(ASKED), K),
    "rank": lambda m: m.rank(np.arange(ASKED), np.arange(ASKED)),
}


def ticks_in_the_middle(call):
    """How often another thread gets to run in the middle three fifths of a call."""
    ticks, running = [], threading.Event()
    done = threading.Event()

    def count():
        running.set()
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.0005)

    counter = threading.Thread(target=count)
    counter.start()
    running.wait()
    start = time.perf_counter()
    call()
    length = time.perf_counter() - start
    done.set()
    counter.join()
    return sum(start + 0.2 * length < tick < start + 0.8 * length for tick in ticks)


@pytest.mark.parametrize("name", LONG)
def test_other_threads_run_during_a_call(large, name):
    """In one of several trials, since a busy machine may keep the other thread waiting; the GIL would do so always."""
    assert any(ticks_in_the_middle(lambda: LONG[name](large)) >= 5 for _ in range(20))
