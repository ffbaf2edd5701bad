"""Entries seen and new ones in one matrix, against a dense matrix of the same."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from fastmf import Ratings
from fastmf.models._merged_entries import MergedEntries
from fastmf.models._state import State


@given(st.integers(0, 2**32))
def test_new_entries_join_and_replace(seed):
    """Any rows and columns, empty ones too."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 7, 2)
    larger = shape + rng.integers(0, 3, 2)

    def some(shape):
        dense = rng.integers(1, 6, shape) * (rng.random(shape) < rng.random())
        return sp.csr_array(dense.astype(rng.choice([np.float32, np.float64])))

    old, new = some(shape), Ratings.from_sparse(some(larger))
    state = State.of(Ratings.from_sparse(old), *(np.zeros((n, 2), np.float32) for n in shape))
    dense = np.zeros(larger)
    dense[: shape[0], : shape[1]] = old.toarray()
    dense = np.where(new.to_scipy().toarray() > 0, new.to_scipy().toarray(), dense)
    merged = MergedEntries.of(state, new)
    values = merged.numbers(old.data, new.data)
    assert values.dtype == np.result_type(old.data, new.data)
    whole = Ratings(merged.indptr, merged.indices, values, shape=tuple(larger))  # which checks that rows are canonical
    np.testing.assert_array_equal(whole.to_scipy().toarray(), dense)
    assert whole.nnz == np.count_nonzero(dense)
    assert (merged.indptr.dtype, merged.indices.dtype) == (np.int64, np.int32)


def test_what_was_seen_stays_as_it_was():
    old, new = Ratings.from_sparse(sp.csr_array([[1.0, 2.0]])), Ratings.from_sparse(sp.csr_array([[0.0, 3.0, 4.0]]))
    state = State.of(old, np.zeros((1, 1)), np.zeros((2, 1)), keep_values=True)
    merged = MergedEntries.of(state, new)
    assert merged.numbers(state.training_values(), new.data).tolist() == [1, 3, 4]
    assert old.data.tolist() == [1, 2]
    assert state.seen_indices.tolist() == [0, 1]
