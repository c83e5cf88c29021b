"""Inverse soft Q-learning of one player in tables: the objective, its derivatives, and when it is near its least value.

With a critic Q [S, A], V(s) = log Σ_a exp Q(s, a), and the reward that Q implies at a transition, r(s, a, s') = Q(s, a) -
γ V(s') (Q(s, a) alone at the last step), it is

    L(Q) = Σ_s w(s) V(s)  -  E_demonstrations[ r - c r² ]  +  l ‖Q‖²

where Σ w V = E[V(s) - γ V(s')] over value states: those of the demonstrations, or those that the learned policy visits. The
greater c, the χ² coefficient, the smaller the rewards that demonstrations are explained by. Over demonstrated states it is
mean(V - Q) + c mean r², the likelihood of the actions shown and a price of rewards.

L is not convex. The function that has the greatest value of x - c x² at and below x in its place is, and it is nowhere above
L: where the two agree to first order, the gradient bounds how far L is from its least value. See `is_supported`.

Source: Garg, Chakraborty, Cundy, Song and Ermon, IQ-Learn: Inverse soft-Q learning for imitation, NeurIPS 2021,
arXiv:2106.12142, equation 10 and section 4 (loss ``value``, χ² divergence; there c = 1 / (4 α)).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import cg

from arena.solvers.stationary_profile import soft_policy, soft_values

SUFFICIENT_DECREASE = 1e-4  # Armijo's constant: Nocedal and Wright, Numerical Optimization, 2006, section 3.1
DIRECTION_TOLERANCE = 1e-10  # relative, of Newton's equation: conjugate gradients take some dozens of products
HALVINGS = 40  # of a step that does not lower the objective: after so many it is rounding that decides
ROUNDING = 1e-12  # relative, of the objective: changes below it are noise, and the gradient decides in their place
SLACK = 1e-9  # relative, of the conditions of `is_supported`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InverseSoftQ:
    """The objective of one player's critic: K different transitions (s, a, s'), each with its share of the demonstrations.

    ``state``, ``action``, ``successor`` [K]; ``share`` [K], sums to 1; ``onward`` [K]: γ, or 0 where the game is over.
    """

    shape: tuple[int, int]
    state: NDArray[np.int64] = field(repr=False)
    action: NDArray[np.int64] = field(repr=False)
    successor: NDArray[np.int64] = field(repr=False)
    share: NDArray[np.float64] = field(repr=False)
    onward: NDArray[np.float64] = field(repr=False)
    chi2_coefficient: float
    l2_coefficient: float

    def demonstrated_values(self) -> NDArray[np.float64]:
        """w [S] over demonstrated states."""
        values = np.zeros(self.shape[0])
        np.add.at(values, self.state, self.share)
        np.subtract.at(values, self.successor, self.share * self.onward)
        return values

    def rewards(self, critic: NDArray[np.float64]) -> NDArray[np.float64]:
        """r [K] that a critic [S, A] implies."""
        return critic[self.state, self.action] - self.onward * soft_values(critic)[self.successor]

    def value(self, critic: NDArray[np.float64], values: NDArray[np.float64]) -> float:
        """L of a critic [S, A]; ``values``: w [S]."""
        reward = self.rewards(critic)
        explained = self.share @ (reward - self.chi2_coefficient * reward**2)
        return float(values @ soft_values(critic) - explained + self.l2_coefficient * (critic**2).sum())

    def gradient(self, critic: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """∂L/∂Q [S, A]."""
        pull, curvature = self._weights(critic, values)
        own = np.zeros(self.shape)
        np.add.at(own, (self.state, self.action), pull)
        return own + curvature[:, None] * soft_policy(critic) + 2 * self.l2_coefficient * critic

    def newton_step(self, critic: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """A critic [S, A] with a lower L, or the same one where rounding leaves none.

        Newton's direction, with the curvature of states that are curved the wrong way left out, so that it leads downhill;
        halved until L falls by Armijo's rule, or where rounding hides whether it does, until the gradient shrinks.
        """
        gradient = self.gradient(critic, values)
        curved = self._curved(critic, values)
        scale = sp.diags_array(1 / curved.diagonal())
        step, _ = cg(curved, gradient.ravel(), rtol=DIRECTION_TOLERANCE, M=scale)  # stopped early it leads downhill too
        direction = -step.reshape(self.shape)
        slope = float((gradient * direction).sum())
        before, size = self.value(critic, values), 1.0
        noise, steep = ROUNDING * max(1.0, abs(before)), float(np.linalg.norm(gradient))
        for _ in range(HALVINGS):
            moved = critic + size * direction
            change = self.value(moved, values) - before
            if change <= SUFFICIENT_DECREASE * size * slope:
                return moved
            if change <= noise and np.linalg.norm(self.gradient(moved, values)) < steep:
                return moved
            size /= 2
        return critic

    def is_supported(self, critic: NDArray[np.float64], values: NDArray[np.float64]) -> bool:
        """Whether a convex function that is nowhere above L is proven to touch it here, with the same gradient.

        Then L(Q) is above its least value by at most ‖∂L/∂Q‖² / (4 l), and at a stationary point it is the least, and nowhere
        else. For each state x let θ(x) be the part of the weight of arrivals in x that w(x) < 0 uses up. It is so where θ ≤ 1
        everywhere and rewards on arrival in x are at most (1 - θ(x)) / 2c.
        """
        arriving = np.bincount(self.successor, self.share * self.onward, self.shape[0])
        lacking = np.maximum(-values, 0.0)
        if (lacking > arriving * (1 + SLACK) + SLACK).any():
            return False
        used = np.divide(lacking, arriving, out=np.zeros_like(lacking), where=arriving > 0)
        most = np.maximum(1 - used, 0.0)[self.successor] / (2 * self.chi2_coefficient)
        reward = self.rewards(critic)
        return bool(((reward <= most + SLACK * np.abs(reward)) | (self.onward == 0)).all())

    def _weights(
        self, critic: NDArray[np.float64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(∂L/∂r [K], the weight of each V [S])."""
        pull = -self.share * (1 - 2 * self.chi2_coefficient * self.rewards(critic))
        return pull, values - np.bincount(self.successor, pull * self.onward, self.shape[0])

    def _curved(self, critic: NDArray[np.float64], values: NDArray[np.float64]) -> sp.csr_array:
        """The second derivatives [S A, S A], without those of states whose V has a negative weight."""
        policy = soft_policy(critic)
        num_states, size = self.shape
        curvature = np.maximum(self._weights(critic, values)[1], 0.0)
        blocks = curvature[:, None, None] * (policy[:, :, None] * (np.eye(size) - policy[:, None, :]))
        cells = np.arange(num_states * size).reshape(num_states, size)
        rows, columns = np.broadcast_arrays(cells[:, :, None], cells[:, None, :])
        count = len(self.state)
        implied = sp.csr_array(
            (
                np.concatenate((np.ones(count), (-self.onward[:, None] * policy[self.successor]).ravel())),
                (
                    np.concatenate((np.arange(count), np.repeat(np.arange(count), size))),
                    np.concatenate((cells[self.state, self.action], cells[self.successor].ravel())),
                ),
            ),
            shape=(count, num_states * size),
        )
        weighted = sp.diags_array(2 * self.chi2_coefficient * self.share) @ implied
        whole = (
            sp.csr_array((blocks.ravel(), (rows.ravel(), columns.ravel())), shape=(num_states * size,) * 2)
            + implied.T @ weighted
            + 2 * self.l2_coefficient * sp.eye_array(num_states * size)
        )
        return sp.csr_array(whole)


def objective_of(
    shape: tuple[int, int],
    state: NDArray[np.int64],
    action: NDArray[np.int64],
    successor: NDArray[np.int64],
    done: NDArray[np.bool_],
    *,
    discount: float,
    chi2_coefficient: float,
    l2_coefficient: float,
) -> InverseSoftQ:
    """The objective of T transitions, equal ones counted together."""
    columns = np.stack((state, action, successor, done.astype(np.int64)), axis=1)
    unique, counts = np.unique(columns, axis=0, return_counts=True)
    return InverseSoftQ(
        shape=shape,
        state=unique[:, 0],
        action=unique[:, 1],
        successor=unique[:, 2],
        share=counts / len(state),
        onward=np.where(unique[:, 3] == 1, 0.0, discount),
        chi2_coefficient=chi2_coefficient,
        l2_coefficient=l2_coefficient,
    )
