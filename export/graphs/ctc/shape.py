"""The sizes of a wav2vec2 network and how many frames it makes of how many samples."""

from dataclasses import dataclass

FULL_SCALE = 32768


@dataclass(frozen=True)
class Convolution:
    """One layer of the feature extractor; none of them is padded."""

    kernel: int
    stride: int


@dataclass(frozen=True)
class Shape:
    """What config.json and preprocessor_config.json record."""

    classes: int
    blank: int
    width: int
    heads: int
    layers: int
    convolutions: tuple[Convolution, ...]
    position_kernel: int
    position_groups: int
    epsilon: float  # of the transformer's layer norms
    normalises_audio: bool  # zero mean and unit variance over each recording
    normalises_each_frame: bool  # layer norm in the feature extractor, else one group norm over time
    norm_first: bool  # "stable layer norm"

    @property
    def frame_samples(self) -> int:
        product = 1
        for layer in self.convolutions:
            product *= layer.stride
        return product

    @property
    def least_samples(self) -> int:
        """What the first frame needs."""
        samples = 1
        for layer in reversed(self.convolutions):
            samples = (samples - 1) * layer.stride + layer.kernel
        return samples

    def frames(self, samples: int) -> int:
        for layer in self.convolutions:
            samples = (samples - layer.kernel) // layer.stride + 1 if samples >= layer.kernel else 0
        return samples
