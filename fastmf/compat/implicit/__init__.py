"""A stand-in for implicit 0.7.3, over fastmf's kernels: ``import fastmf.compat.implicit as implicit``.

The modules, names, signatures, defaults, results and errors are implicit's, but for what is listed here. The objective
is the same, the first factors for a seed are the same, and so are the factors after an exact fit, to rounding.

What is here: `als` and `cpu.als` (AlternatingLeastSquares), `evaluation`, `nearest_neighbours` (the weights), `utils`,
`recommender_base`, `cpu.matrix_factorization_base`, `cpu.topk`. What is not: graphics cards (`use_gpu=True` raises
ValueError, as implicit without CUDA does), 16-bit factors, `bpr`, `lmf`, `approximate_als`, `ann`, `datasets` and the
recommenders by nearest neighbours, whose names are here and refuse.

What is other than in implicit, on purpose:

Lists
    * Where fewer than N items (or users) remain, a list ends in -1 with score minus infinity, instead of number 0, or
      of items the user already likes.
    * With `items`, liked items still come last with the lowest finite score, as in implicit; stored zeros count as
      liked, as they do without `items`. The order of `items` does not matter, and an item in it twice counts once.
    * Equal scores are listed by ascending number.
    * `cpu.topk.topk` leaves filtered items out instead of listing them last, and refuses norms of 0.
    * A negative number of a user or an item raises IndexError instead of counting from the end; so does any number of
      an item in `user_items` that the model does not have.
    * `items` (or `users`) with a filter raises ValueError for arrays too. csr_array is taken like csr_matrix.
    * `recommend_all` works with `users_items_offset`.

Fits
    * More users or items than there are factors of: the new ones start at random. Fewer: ValueError. implicit reads
      beyond its arrays.
    * `use_cg=True`: the steps are preconditioned, and a row is solved exactly where that takes less time, so that the
      loss falls faster. `use_native=False` changes the precision, to float64, not the speed.
    * `regularization=0` works for every solver, however many factors: of all solutions a row gets the shortest, and is
      solved exactly.
    * `fit` and `partial_fit_*` make new arrays and leave those that were set or taken before as they are; after an
      error the model is as it was. NaN and infinity in the data raise ModelFitError before the fit.
    * Several entries of one pair are added up.
    * What a callback sees are the factors after its iteration; those it leaves are where the next one begins.
    * The loss leaves out the constant that implicit adds for each negative entry, which has no share in the objective.
    * `random_state` may be a RandomState.
    * `als.AlternatingLeastSquares` is a class, so that it has `load`; tqdm need not be installed.
    * `explain` also takes the user's row alone.

Evaluation
    * Metrics stay in [0, 1] where K exceeds the number of items; the area under the curve is 1/2 for a user for whom
      every item is relevant. A test without entries raises ValueError.
    * `num_threads` counts. `leave_k_out_split` draws from `random_state` and nothing else, and leaves the right users
      for training where some have no entries.
    * The weights of `nearest_neighbours` turn no stored zero into NaN, and refuse negative values that would become so.

Files
    * A file is written whole or not at all. A damaged one, or one with what the model does not have, raises
      ModelFileError. A random state that is a generator is left out.

>>> import fastmf.compat.implicit as implicit
>>> implicit.als.AlternatingLeastSquares(factors=64).factors
64
"""

from typing import TYPE_CHECKING

from fastmf.compat.implicit import als, cpu, evaluation, gpu, nearest_neighbours, recommender_base, utils

__version__ = "0.7.3"  # of implicit: whose interface this is

__all__ = [
    "__version__",
    "als",
    "cpu",
    "evaluation",
    "gpu",
    "nearest_neighbours",
    "recommender_base",
    "utils",
]

if not TYPE_CHECKING:  # a checker shall know which names there are

    def __getattr__(name):
        offered = ", ".join(__all__[1:])
        raise AttributeError(f"fastmf's stand-in for implicit has no {name}, it has {offered}", name=name)
