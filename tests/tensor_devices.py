"""The devices on which tensor code is tested: tensors on the CPU everywhere, and a GPU where there is one."""

import pytest
import torch

no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["torch", pytest.param("cuda", marks=[pytest.mark.gpu, no_gpu])]
