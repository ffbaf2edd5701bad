"""Everything compiled. The map, kernel -> what it computes -> source:

transpose  entries grouped by a number, compressed rows turned into columns: counting sorts
lines      ratings from plain lines of text -> Clinger 1990 for the decimal numbers
simd/      the leaf loops in C: the arithmetic of one row, cell or tile, once per instruction set
"""
