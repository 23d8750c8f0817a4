"""A block of a transformer that sees the past alone, between embeddings and logits."""

import torch
from torch import nn


class SelfAttention(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(size, 3 * size)
        self.proj = nn.Linear(size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (batch, time, size) → the same"""
        batch, time, size = x.shape
        parts = self.qkv(x).reshape(batch, time, 3, self.heads, size // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        projected: torch.Tensor = self.proj(y.transpose(1, 2).reshape(batch, time, size))
        return projected


class TransformerBlock(nn.Module):
    """Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(13, 8)
        self.position = nn.Parameter(torch.zeros(7, 8))
        self.norm1 = nn.LayerNorm(8)
        self.attention = SelfAttention(8, 2)
        self.norm2 = nn.LayerNorm(8)
        self.fc1 = nn.Linear(8, 16)
        self.fc2 = nn.Linear(16, 8)
        self.head = nn.Linear(8, 13, bias=False)

    def forward(self, symbols: torch.Tensor) -> torch.Tensor:
        """symbols: (batch, 7) → logits (batch, 7, 13)"""
        x = self.embedding(symbols) + self.position
        x = x + self.attention(self.norm1(x))
        x = x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))
        logits: torch.Tensor = self.head(x)
        return logits
