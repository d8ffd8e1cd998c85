"""The baseline and Table 1 of Cont & Kukanov, beside our own optima."""

from __future__ import annotations

from sor import cont_kukanov as ck

# The paper's baseline (arXiv:1210.1625v4, section 4), currency per share.
PRICES = {"h": 0.02, "f": 0.003, "r": 0.002, "theta": 0.0005, "lambda_under": 0.05, "lambda_over": 0.05}
BASELINE = ck.Parameters(**PRICES, S=1000, Q=2000)

# Table 1: S, K; the paper's M %, total %, W_M, W_L, W_E, W_X; our own optimum's M %, L % and W (400,000 draws).
# The printed L % are rounded, so the paper's allocation is read from M and the total.
TABLE_1 = [
    (500, 1, (82, 100, 2.35, 2.19, 0.83, 1.54), (58.0, 42.0, 0.736)),
    (500, 2, (15, 103, 2.35, 2.22, -0.57, -0.85), (15.8, 42.5, -0.878)),
    (500, 3, (1, 102, 2.35, 2.21, -1.02, -1.99), (0.0, 33.333, -2.026)),
    (500, 5, (0, 103, 2.35, 2.22, -1.40, -2.05), (0.0, 20.0, -2.149)),
    (1000, 1, (94, 100, 2.35, 3.65, 2.27, 2.07), (79.0, 21.0, 1.543)),
    (1000, 2, (56, 111, 2.35, 3.64, 1.28, 0.77), (57.9, 21.2, 0.736)),
    (1000, 4, (15, 106, 2.35, 3.64, -0.88, -0.90), (15.6, 21.7, -0.887)),
    (1000, 5, (1, 106, 2.35, 3.65, -1.29, -1.64), (0.0, 20.4, -1.672)),
    (5000, 1, (97, 100, 2.35, 4.81, 3.44, 2.22), (95.8, 4.2, 2.189)),
    (5000, 2, (88, 104, 2.35, 4.81, 3.60, 2.10), (91.6, 4.2, 2.027)),
    (5000, 4, (79, 124, 2.35, 4.81, 3.39, 1.79), (83.1, 4.3, 1.703)),
]
