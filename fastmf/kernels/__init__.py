"""Everything compiled. The map, kernel -> what it computes -> source:

simd/      the leaf loops in C: the arithmetic of one row, cell or tile, once per instruction set
"""
