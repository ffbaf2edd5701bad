"""The leaf loops in plain C, one build per instruction set, and the table that chooses between them."""
