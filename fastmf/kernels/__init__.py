"""Everything compiled. The map, kernel -> what it computes -> source:

wals        rows of a WALS half-step, by the k x k system, the n x n system, conjugate gradient, blocks of factors or
            under x >= 0 -> Hu, Koren & Volinsky 2008; Takacs, Pilaszy & Tikk 2011; Rendle et al. 2021
gramian     Y' diag(c) Y in float64, the part of those systems that all rows share
eigen       eigenvectors of that matrix -> Golub & Van Loan 2013, sections 8.3.1 and 8.3.5
rotate      Y V: factors in the eigenbasis of their Gramian
objective   sum_j w_j e_j^2 and its companions: the observed part of the objective
grid        ratings as records in shuffled cells -> Gemulla et al. 2011
sgd         epochs over that grid -> Gemulla et al. 2011; Recht et al. 2011; Chin et al. 2015
svdpp       epochs of SVD++, user by user -> Koren 2008
predict     mu + b_u + c_i + x_u.y_i of given pairs
topk        the best k of a catalogue, the ranks of given items, the pairs they lose
metrics     every ranking metric at every cut-off from one walk down each list
transpose   counting sorts of compressed rows
lines       numbers and text in the plain lines of a file of ratings
simd/       the leaf loops in C: the arithmetic of one row, cell or tile, once per instruction set
"""
