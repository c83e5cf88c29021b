"""The devices on which tensor code is tested: the CPU everywhere, by its loops and with tensors, and a GPU where there is one."""

import pytest
import torch

no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
CUDA = pytest.param("cuda", marks=[pytest.mark.gpu, no_gpu])
DEVICES = ["torch", CUDA]
LEARNERS = ["cpu", CUDA]
"""Where networks learn."""
