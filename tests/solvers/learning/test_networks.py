"""Networks: the activation that is computed another way, and precision that only layers have."""

import torch

from arena.solvers.learning.networks import ActorCritic, Architecture, Tanh


def test_the_tangent_and_its_slope_are_those_of_torch():
    inputs = torch.cat((torch.linspace(-12, 12, 4001), torch.tensor([-1e30, 0.0, 1e-30, 1e30]))).requires_grad_()
    mine, theirs = Tanh()(inputs), torch.tanh(inputs)
    torch.testing.assert_close(mine, theirs, atol=3e-7, rtol=0)
    slopes = [torch.autograd.grad(found.sum(), inputs)[0] for found in (mine, theirs)]
    torch.testing.assert_close(*slopes, atol=1e-6, rtol=0)
    assert torch.autograd.gradcheck(Tanh(), (torch.linspace(-3, 3, 9, dtype=torch.float64, requires_grad=True),))


def test_in_bfloat16_layers_round_and_what_comes_out_is_float32():
    words = torch.Generator().manual_seed(0)
    observed, state, memory = (torch.randn(6, width, generator=words) for width in (5, 2, 4))
    network = ActorCritic(Architecture(inputs=5, actions=3, hidden=(16,), memory=4, state=2, precision="bfloat16"))
    mixed, single = network(observed, state, memory), network.in_float32()(observed, state, memory)
    for rounded, exact in zip(mixed, single, strict=True):
        assert rounded.dtype == torch.float32
        assert not torch.equal(rounded, exact)
        torch.testing.assert_close(rounded, exact, atol=0.03, rtol=0.03)
    mixed[1].sum().backward()
    assert all(one.grad.dtype == torch.float32 for one in network.critic.parameters())
