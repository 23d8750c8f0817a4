"""One thread, as the command records with: on a busy machine two wait for each other."""

import torch

torch.set_num_threads(1)
