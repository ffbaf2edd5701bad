"""Ratings from a text file and from a data frame, beside what the libraries of tables take for less.

    python -m benchmarks.versus.intake

from the root of the checkout, with pandas, PyArrow and narwhals. The ratings are those of `synthetic`, shuffled.
PyArrow reads the file into a table and encodes the two columns of ids; pandas factorises the two columns of a frame
and SciPy makes rows of them. fastmf does all of that, checks, and gives `Ratings`. By turns A B A B, medians of the
rounds. The ratio says how many times as fast fastmf is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

import fastmf
from benchmarks.versus import _harness
from benchmarks.versus.serving import shown, turns


def main(arguments: list[str]) -> None:
    import pandas
    import pyarrow
    from pyarrow import csv

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="ml-20m", choices=("ml-1m", "ml-20m"), help="synthetic (default: ml-20m)")
    parser.add_argument("--threads", type=int, default=2, help="of PyArrow too (default: 2)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(arguments)
    _harness.print_facts(_harness.facts(["fastmf"], args.threads))
    pyarrow.set_cpu_count(args.threads)
    ratings = fastmf.synthetic(args.data)
    order = np.random.default_rng(0).permutation(ratings.nnz)
    columns = {"user": ratings.row_numbers()[order] + 1, "item": 7 * ratings.indices[order].astype(np.int64) + 3}
    frame = pandas.DataFrame({**columns, "rating": ratings.data[order]})

    def arrow() -> None:
        table = csv.read_csv(path)
        for name in columns:
            table[name].dictionary_encode()

    def factorised() -> None:
        users, items = (pandas.factorize(frame[name])[0] for name in columns)
        sparse.coo_matrix((frame["rating"].to_numpy(), (users, items))).tocsr()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ratings.csv")
        csv.write_csv(pyarrow.Table.from_pandas(frame, preserve_index=False), path)
        text = turns(args.rounds, lambda: fastmf.Ratings.from_csv(path), arrow)
    take = partial(fastmf.Ratings.from_frame, frame, user="user", item="item", value="rating")
    frames = turns(args.rounds, take, factorised)
    table = [shown("text file, s, beside PyArrow", *text), shown("frame, s, beside pandas and SciPy", *frames)]
    _harness.print_table(["", "fastmf", "beside it", "ratio"], table)


if __name__ == "__main__":
    main(sys.argv[1:])
