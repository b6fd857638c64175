"""Whisper's architecture in plain PyTorch, with a CTC head on the encoder.

The parameters carry the names that Hugging Face's WhisperForConditionalGeneration gives them, so a checkpoint saved
from here loads there, and an exporter for published Whisper weights takes it as it is.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

Memory = tuple[Tensor, Tensor]  # keys and values
PROMPT_TOKENS = 4  # start, language, task, no timestamps


@dataclass(frozen=True)
class Shape:
    """The sizes that config.json records."""

    tokens: int
    ctc_classes: int
    width: int = 144
    heads: int = 3
    encoder_layers: int = 6
    decoder_layers: int = 4
    mels: int = 80
    source_positions: int = 1500
    target_positions: int = 512


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, x.shape[2] // self.heads)).transpose(1, 2)

    def remember(self, source: Tensor) -> Memory:
        """The keys and values of what is listened to."""
        return self._split(self.k_proj(source)), self._split(self.v_proj(source))

    def attend(self, x: Tensor, memory: Memory, causal: bool = False) -> Tensor:
        mixed = F.scaled_dot_product_attention(self._split(self.q_proj(x)), *memory, is_causal=causal)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))

    def astray(self, x: Tensor, memory: Memory, places: Tensor) -> Tensor:
        """How little the first head looks at the places, [batch, queries, sources]: minus the log of what they get."""
        query, key = self._split(self.q_proj(x))[:, 0], memory[0][:, 0]
        scores = (query @ key.transpose(1, 2)).float() / query.shape[2] ** 0.5
        return scores.logsumexp(2) - scores.masked_fill(~places, -1e4).logsumexp(2)


class EncoderLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.self_attn_layer_norm(x)
        x = x + self.self_attn.attend(normed, self.self_attn.remember(normed))
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class DecoderLayer(EncoderLayer):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.encoder_attn = Attention(width, heads)
        self.encoder_attn_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        assert hidden is not None
        return self.step(x, None, self.encoder_attn.remember(hidden))[0]

    def step(self, x: Tensor, past: Memory | None, heard: Memory) -> tuple[Tensor, Memory]:
        """The layer over new tokens, after those whose keys and values are in the past."""
        x, memory = self.recall(x, past)
        return self.listen(x, heard), memory

    def recall(self, x: Tensor, past: Memory | None) -> tuple[Tensor, Memory]:
        normed = self.self_attn_layer_norm(x)
        memory = self.self_attn.remember(normed)
        if past is not None:
            memory = (torch.cat([past[0], memory[0]], 2), torch.cat([past[1], memory[1]], 2))
        return x + self.self_attn.attend(normed, memory, causal=past is None), memory

    def listen(self, x: Tensor, heard: Memory) -> Tensor:
        x = x + self.encoder_attn.attend(self.encoder_attn_layer_norm(x), heard)
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))

    def astray(self, x: Tensor, heard: Memory, places: Tensor) -> Tensor:
        return self.encoder_attn.astray(self.encoder_attn_layer_norm(x), heard, places)


class Encoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(shape.mels, shape.width, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(shape.source_positions, shape.width)
        self.embed_positions.weight.requires_grad_(False)  # sinusoids, as Whisper's
        self.layers = nn.ModuleList(EncoderLayer(shape.width, shape.heads) for _ in range(shape.encoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def forward(self, mel: Tensor) -> Tensor:
        """Any length up to 30 s: the positions are cut to the frames that are there, nothing is padded."""
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.embed_positions.weight[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.layer_norm(x)


class Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.tokens, shape.width)
        self.embed_positions = nn.Embedding(shape.target_positions, shape.width)
        self.layers = nn.ModuleList(DecoderLayer(shape.width, shape.heads) for _ in range(shape.decoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        return self.guided(tokens, hidden, None)[0]

    def guided(self, tokens: Tensor, hidden: Tensor, places: Tensor | None, shift: int = 0) -> tuple[Tensor, Tensor]:
        """The logits; and, of every second layer, how far it looks from where each next token is said.

        A shift moves the text's positions away from the prompt's: so short sentences teach the late positions too.
        """
        late = self.embed_positions.weight[PROMPT_TOKENS + shift :][: tokens.shape[1] - PROMPT_TOKENS]
        x = self.embed_tokens(tokens) + torch.cat([self.embed_positions.weight[:PROMPT_TOKENS], late])
        astray = torch.zeros(tokens.shape)
        for depth, layer in enumerate(self.layers):
            heard = layer.encoder_attn.remember(hidden)
            x, _ = layer.recall(x, None)
            if places is not None and depth % 2:
                astray = astray + layer.astray(x, heard, places)
            x = layer.listen(x, heard)
        return F.linear(self.layer_norm(x), self.embed_tokens.weight), astray  # the output matrix is the embedding


class Recogniser(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = nn.ModuleDict({"encoder": Encoder(shape), "decoder": Decoder(shape)})
        self.ctc_head = nn.Linear(shape.width, shape.ctc_classes)

    @property
    def encoder(self) -> Encoder:
        encoder = self.model["encoder"]
        assert isinstance(encoder, Encoder)
        return encoder

    @property
    def decoder(self) -> Decoder:
        decoder = self.model["decoder"]
        assert isinstance(decoder, Decoder)
        return decoder

    def encode(self, mel: Tensor) -> Tensor:
        return self.encoder(mel)

    def decode(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        return self.decoder(tokens, hidden)

    def guide(self, tokens: Tensor, hidden: Tensor, places: Tensor, shift: int) -> tuple[Tensor, Tensor]:
        return self.decoder.guided(tokens, hidden, places, shift)

    def classify(self, hidden: Tensor) -> Tensor:
        """CTC logits per encoder frame of 20 ms: class 0 is the blank."""
        return self.ctc_head(hidden)


@torch.no_grad()
def adopt(model: Recogniser, weights: dict[str, Tensor]) -> None:
    """Take a checkpoint's weights; one with fewer target positions keeps those it has, the rest stay as they are."""
    own = model.state_dict()
    missing = sorted(own.keys() ^ weights.keys())
    if missing:
        raise ValueError(f"the checkpoint's parameters differ from the model's: {', '.join(missing[:4])} ...")
    for name, value in weights.items():
        target = own[name]
        if name == "model.decoder.embed_positions.weight":
            target = target[: len(value)]
        if target.shape != value.shape:
            raise ValueError(f"{name} has the shape {tuple(value.shape)}, the model wants {tuple(target.shape)}")
        target.copy_(value)
