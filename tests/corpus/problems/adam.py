# ruff: noqa: F841
from derive import Matrix, Scalar, broadcast, network, sqrt


@network
def adam(
    W_1: Matrix[2, 3],
    V_1: Matrix[2, 3],
    S_1: Matrix[2, 3],
    G: Matrix[2, 3],
    beta_1: Scalar,
    beta_2: Scalar,
    alpha: Scalar,
    epsilon: Scalar,
):
    """The second step of Adam."""
    V_2 = beta_1 * V_1 + (1 - beta_1) * G
    S_2 = beta_2 * S_1 + (1 - beta_2) * G * G
    V_corr = V_2 / (1 - beta_1**2)
    S_corr = S_2 / (1 - beta_2**2)
    W_2 = W_1 - alpha * V_corr / (sqrt(S_corr) + broadcast(epsilon, 2, 3))
