"""The exceptions of fastmf. Everything else raises Python's own TypeError, ValueError, IndexError or OSError."""


class NotFittedError(ValueError, AttributeError):
    """A method that needs a fitted model was called before `fit`."""


class FitDivergedError(ArithmeticError):
    """A fit produced a number that is not finite; the message names the pass and the remedy."""


class ModelFileError(ValueError):
    """A file is not a whole, undamaged fastmf model file."""


class UnknownIdError(LookupError):
    """An id is not among those the data or the model knows."""


class RatingsFileError(ValueError):
    """A text file of ratings has a line that cannot be read; the message gives file, line and column."""
