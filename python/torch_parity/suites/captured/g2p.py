"""How words are spoken: the form of g2p-en 2.1, with sizes of one's own."""

import torch
from torch import nn


class G2P(nn.Module):
    """Letters to sounds: a GRU reads, another writes and feeds its own symbols back.

    Source: https://github.com/Kyubyong/g2p, g2p_en/g2p.py (Apache 2.0). The package's own size is
    256, for 20 steps; it stops at the symbol 3, whatever would come after.
    """

    def __init__(self, size: int = 10, steps: int = 5) -> None:
        super().__init__()
        self.steps = steps
        self.enc_emb = nn.Embedding(29, size)
        self.enc = nn.GRU(size, size, batch_first=True)
        self.dec_emb = nn.Embedding(74, size)
        self.dec = nn.GRUCell(size, size)
        self.fc = nn.Linear(size, 74)

    def forward(self, letters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """letters: (batch, seq_len) → logits (batch, steps, 74), sounds (batch, steps)"""
        h = self.enc(self.enc_emb(letters))[0][:, -1]
        sound = torch.full_like(letters[:, 0], 2)
        logits, sounds = [], []
        for _ in range(self.steps):
            h = self.dec(self.dec_emb(sound), h)
            logits.append(self.fc(h))
            sound = logits[-1].argmax(-1)
            sounds.append(sound)
        return torch.stack(logits, 1), torch.stack(sounds, 1)
