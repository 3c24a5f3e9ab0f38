import pytest

from prefill_assets.demo.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(8, 8), (5, 12), (12, 5)])
def test_orthogonalized_matrices_keep_their_singular_vectors(shape):
    """Against the decomposition itself."""
    import torch

    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    for matrix, result in zip(matrices, orthogonalize(matrices), strict=True):
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        aligned = left.T @ result @ right.T
        assert aligned.diagonal().min() > 0.6
        assert aligned.diagonal().max() < 1.3
        assert (aligned - torch.diag(aligned.diagonal())).abs().max() < 1e-3


def test_an_all_zero_gradient_moves_nothing():
    import torch

    assert torch.equal(orthogonalize(torch.zeros(1, 3, 4)), torch.zeros(1, 3, 4))


def test_steps_are_those_of_torchs_muon():
    """Which rounds to bfloat16 inside: close, not equal."""
    import torch

    dice = torch.Generator().manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape, generator=dice)) for shape in ((6, 6), (10, 6), (6, 10), (6, 6))]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    muon, reference = Muon(ours, weight_decay=0.1), torch.optim.Muon(theirs, lr=0.05, weight_decay=0.1)
    for _ in range(3):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=dice)
            other.grad = mine.grad.clone()
        muon.step(0.05)
        reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, atol=0.01)
        assert not torch.allclose(mine, other, atol=1e-7)
