"""Trains the heads on the frames that encoding wrote, calibrates them on people, and keeps them in var/heads.

    python -m export.training.heads.training --members 2 --steps 1000

Who is in `export.people.recordings.TEST_SPEAKERS` is heard by none of them. The temperature, and how ready the head is
to say none of these, come from people who train: each half of them is judged by a head trained on the others.
"""

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from export.heads.reference import WEIGHTS, Array
from export.people.recordings import TEST_SPEAKERS
from export.training.heads.calibration import Part, calibrate, parts
from export.training.heads.classes import NONE, class_of
from export.training.heads.clip import NOBODY
from export.training.heads.encoding import FOLDER
from export.training.heads.frames import Encoded, load, padded
from export.training.heads.network import LanguageHead, SpeechHead
from export.training.heads.storage import Trained, save

_BATCH = 48
_SHORTEST_FRAMES, _LONGEST_FRAMES = 60, 170
_PEOPLE_SHARE, _NOBODY_SHARE = 0.6, 0.04
_SMOOTHING = 0.1
_LANGUAGE_RATE, _SPEECH_RATE = 2e-3, 3e-3
Chances = NDArray[np.float64]
_LONGEST_HEARD_FRAMES = 300
_CHECKED = 40
_MEASURED = 400  # clips that tell the frames' mean and deviation


@dataclass(frozen=True)
class Schedule:
    steps: int
    rate: float
    seed: int


def train_language(clips: Sequence[Encoded], schedule: Schedule) -> LanguageHead:
    torch.manual_seed(schedule.seed)
    rng = np.random.default_rng(schedule.seed)
    chances = _chances(clips)
    head = LanguageHead(NONE + 1)
    _measure(head.start, clips, rng, chances)
    truth = np.array([class_of(each.clip.language) for each in clips])
    person = np.array([each.clip.kind == "person" for each in clips])
    # A person speaks none of the languages that no person here speaks: asked whether it is one of them, the head would
    # learn to tell people from synthesizers instead.
    barred = torch.ones(NONE + 1)
    barred[sorted(set(truth[person]))] = 0

    def loss() -> Tensor:
        chosen = rng.choice(len(clips), _BATCH, p=chances)
        frames, mask = padded(_cut([clips[place] for place in chosen], rng))
        out = barred[None] * torch.from_numpy(person[chosen])[:, None]
        logits = head(torch.from_numpy(frames), torch.from_numpy(mask)) - 1e4 * out
        wanted, shares = torch.from_numpy(truth[chosen]), logits.log_softmax(1)
        smooth = (shares * (1 - out)).sum(1) / (1 - out).sum(1)
        right = shares.gather(1, wanted[:, None])[:, 0]
        return -((1 - _SMOOTHING) * right + _SMOOTHING * smooth).mean()

    _descend(head, loss, schedule)
    return head


def train_speech(clips: Sequence[Encoded], schedule: Schedule) -> SpeechHead:
    """Half of each batch is speech, most of it single words; of sounds without, no frame may be taken for any."""
    torch.manual_seed(schedule.seed)
    rng = np.random.default_rng(schedule.seed)
    kinds = {"person": 1.0, "word": 2.0, "sound": 2.0, "made": 1.5}
    counts = Counter(each.clip.kind for each in clips)
    speech = np.array([each.clip.language != NOBODY for each in clips])
    weights = np.array([kinds.get(each.clip.kind, 0.2) / counts[each.clip.kind] for each in clips])
    chances = np.where(speech, weights / weights[speech].sum(), weights / weights[~speech].sum()) / 2
    head = SpeechHead()
    _measure(head.start, clips, rng, chances)

    def loss() -> Tensor:
        chosen = rng.choice(len(clips), _BATCH, p=chances)
        frames, mask = padded([clips[place].frames(most=_LONGEST_HEARD_FRAMES) for place in chosen])
        logits = head(torch.from_numpy(frames), torch.from_numpy(mask))
        spoken, own = torch.from_numpy(speech[chosen]), torch.from_numpy(mask) > 0
        most = F.binary_cross_entropy_with_logits(logits.max(1).values, spoken.float())
        return most + F.softplus(logits[own & ~spoken[:, None]]).mean()

    _descend(head, loss, schedule)
    return head


def _chances(clips: Sequence[Encoded]) -> Chances:
    """How often each clip is drawn: classes alike, people more than synthesizers, those who said little more often."""
    chances = np.zeros(len(clips))
    nobody = np.array([each.clip.language == NOBODY for each in clips])
    person = np.array([each.clip.kind == "person" for each in clips])
    truth = np.array([class_of(each.clip.language) for each in clips])
    speakers = np.array([f"{each.clip.kind} {each.clip.speaker}" for each in clips])
    counts = Counter(speakers)
    weights = np.array([counts[speaker] ** -0.5 for speaker in speakers])
    for number in range(NONE + 1):
        mine = (truth == number) & ~nobody
        shares = ((mine & person, _PEOPLE_SHARE), (mine & ~person, 1 - _PEOPLE_SHARE))
        for part, share in shares:
            if part.any():
                chances[part] += weights[part] / weights[part].sum() * share
        chances[mine] /= max(chances[mine].sum(), 1e-9)
    if nobody.any():
        chances[nobody] = _NOBODY_SHARE * (NONE + 1) / nobody.sum()
    return np.asarray(chances / chances.sum())


def _teaches_language(each: Encoded) -> bool:
    """Words alone hardly show one."""
    return each.clip.kind != "word" and each.clip.use == "train" and each.length >= _SHORTEST_FRAMES // 2


def _cut(clips: Sequence[Encoded], rng: np.random.Generator) -> list[Array]:
    """A part of each, all of about one length."""
    length = int(rng.integers(_SHORTEST_FRAMES, _LONGEST_FRAMES))
    starts = [int(rng.integers(0, max(1, each.length - length + 1))) for each in clips]
    return [each.frames(start, length) for each, start in zip(clips, starts, strict=True)]


def _measure(start: nn.Module, clips: Sequence[Encoded], rng: np.random.Generator, chances: Chances) -> None:
    drawn = np.concatenate([clips[place].frames() for place in rng.choice(len(clips), _MEASURED, p=chances)])
    start.mean[:] = torch.from_numpy(drawn.mean(0))
    start.deviation[:] = torch.from_numpy(drawn.std(0) + 1e-3)


def _descend(head: nn.Module, loss: Callable[[], Tensor], schedule: Schedule) -> None:
    optimiser = torch.optim.AdamW(head.parameters(), lr=schedule.rate, weight_decay=0.02)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.rate, schedule.steps, pct_start=0.15)
    head.train()
    began, mean = time.monotonic(), 0.0
    for step in range(schedule.steps):
        value = loss()
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 2.0)
        optimiser.step()
        falling.step()
        mean = value.item() if step == 0 else 0.98 * mean + 0.02 * value.item()
        if step % 100 == 99:
            print(f"step {step + 1}, loss {mean:.3f}, {time.monotonic() - began:.0f} s", flush=True)
    head.eval()


def _taught(clips: Sequence[Encoded], left_out: Part = frozenset()) -> list[Encoded]:
    """By those who train, all or all but these."""
    return [each for each in clips if each.clip.use == "train" and each.clip.speaker not in TEST_SPEAKERS | left_out]


def _learn(folder: Path, schedule: Schedule, left_out: Part | None) -> LanguageHead | SpeechHead:
    """In a process of its own: a language head that never heard these, or without any the speech head."""
    torch.set_num_threads(1)
    clips = _taught(load(folder, lambda clip: True), left_out or frozenset())
    if left_out is None:
        return train_speech(clips, schedule)
    return train_language([each for each in clips if _teaches_language(each)], schedule)


def main() -> None:
    name = "python -m export.training.heads.training"
    parser = argparse.ArgumentParser(prog=name, description=__doc__.split("\n")[0])
    parser.add_argument("--members", type=int, default=2, help="language heads whose answers are averaged")
    parser.add_argument("--steps", type=int, default=700, help="of a language head, default: %(default)s")
    parser.add_argument("--speech-steps", type=int, default=600, help="of the speech head, default: %(default)s")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    clips = load(options.folder, lambda clip: True)
    schedules = [Schedule(options.steps, _LANGUAGE_RATE, seed) for seed in range(options.members)]
    speech = Schedule(options.speech_steps, _SPEECH_RATE, 0)
    left_out = parts(clips)
    tasks = [(options.folder, schedules[0], part) for part in left_out]
    tasks += [(options.folder, schedule, frozenset()) for schedule in schedules]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        heads = pool.starmap(_learn, [*tasks, (options.folder, speech, None)], chunksize=1)
    calibration = calibrate(clips, list(zip(left_out, heads, strict=False)))
    trained = Trained(heads[len(left_out) : -1], heads[-1], calibration)
    save(options.folder / WEIGHTS.name, trained, _taught(clips)[:_CHECKED])


if __name__ == "__main__":
    main()
