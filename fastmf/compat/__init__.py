"""Stand-ins for other libraries: their modules, names and signatures over fastmf's kernels.

`fastmf.compat.implicit` stands in for implicit 0.7.3.
"""
