"""The command line, one file a subject; `main` is what `fastmf` and `python -m fastmf` run.

main.py       commands, errors and exit codes        train.py       fit a model to a file of ratings, and save it
options.py    options that several commands share    recommend.py   recommend and similar: lists from a saved model
answer.py     what a command gives back              evaluate.py    judge a saved model on a file of ratings
info.py       what this installation is made of      demo.py        the whole path on the embedded data
describe.py   what a file of ratings is like         bench.py       models, solvers and other libraries side by side
tune.py       search for the parameters of a model   contenders.py  who takes part in that, and how each is called
turns.py      the turns of one of them, timed        picture.py    what bench found, drawn
"""

from fastmf.cli.main import main

__all__ = ["main"]
