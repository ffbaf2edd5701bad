"""Made-up entries for the tests of data."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def entries(draw, distinct=False, most=40):
    """(shape, rows, columns, values): entries in any order, of pairs that come once if `distinct`."""
    n_rows, n_columns = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    pairs = st.tuples(st.integers(0, max(n_rows - 1, 0)), st.integers(0, max(n_columns - 1, 0)))
    size = most if n_rows and n_columns else 0
    listed = draw(st.lists(pairs, max_size=size, unique=distinct))
    values = draw(st.lists(st.integers(-8, 8), min_size=len(listed), max_size=len(listed)))
    rows = np.array([row for row, _ in listed], np.int64)
    columns = np.array([column for _, column in listed], np.int64)
    return (n_rows, n_columns), rows, columns, np.array(values, np.float64) / 2


def dense(shape, rows, columns, values):
    """Values by pair; NaN where there is no entry."""
    out = np.full(shape, np.nan)
    out[rows, columns] = values
    return out


def dense_of(ratings):
    """The same of Ratings, whose rows are read one by one."""
    rows = np.concatenate([np.full(count, row) for row, count in enumerate(ratings.user_counts)] or [[]]).astype(int)
    return dense(ratings.shape, rows, ratings.indices, ratings.data)


def assert_canonical(ratings):
    """The layout that the kernels rely on."""
    assert ratings.indptr.dtype == np.int64
    assert ratings.indices.dtype == np.int32
    assert ratings.data.dtype in (np.float32, np.float64)
    assert len(ratings.indptr) == ratings.n_users + 1
    assert ratings.indptr[0] == 0
    assert ratings.indptr[-1] == len(ratings.indices) == len(ratings.data) == ratings.nnz
    assert np.isfinite(ratings.data).all()
    for begin, end in zip(ratings.indptr[:-1], ratings.indptr[1:], strict=True):
        row = ratings.indices[begin:end]
        assert (np.diff(row) > 0).all()
        assert ((row >= 0) & (row < ratings.n_items)).all()
    arrays = [ratings.indptr, ratings.indices, ratings.data, ratings.timestamps, *ratings.item_info.values()]
    for array in arrays:
        if array is not None:
            assert array.flags.c_contiguous
            assert not array.flags.writeable
