"""Every clip once through Moonshine's encoder: training reads frames alone.

    python -m export.training.heads.encoding --part 0 --parts 2

writes frames-0.f16 (the frames of all its clips, one after another) and frames-0.jsonl (a line a clip: what it is and
where its frames lie). The same command writes the same.
"""

import argparse
import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from export.heads.reference import Array
from export.people.sound import RATE, Samples
from export.training.augmentation import at_snr, augment, faster
from export.training.heads import nobody, persons, synthetic
from export.training.heads.clip import NOBODY, Clip
from export.training.heads.encoder import Encoder
from export.training.heads.lines import through_a_line

FOLDER = Path("var/heads")
_UNTOUCHED_SHARE, _LINE_SHARE = 0.2, 0.35
_LEAST_SAMPLES = RATE // 5


def clips() -> list[Clip]:
    """All there are, in one order however many parts divide them."""
    return [*persons.clips(), *nobody.clips(), *synthetic.clips()]


def portion(part: int, parts: int) -> list[Clip]:
    """Every so many hundred clips of one speaker, so that few recordings are decoded twice."""
    groups = [list(group) for _, group in itertools.groupby(clips(), lambda clip: (clip.use, clip.speaker))]
    hundreds = [group[start : start + 100] for group in groups for start in range(0, len(group), 100)]
    random.Random(0).shuffle(hundreds)
    return [clip for group in hundreds[part::parts] for clip in group]


def sound(clip: Clip) -> Samples | None:
    """What is heard of a clip: as it is to be judged, changed in the ways of rooms, lines and noise to train on."""
    makers: dict[str, Callable[[Clip], Samples | None]] = {"person": persons.sound, "word": persons.sound}
    makers |= {"made": nobody.sound, "sound": nobody.sound}
    made = makers.get(clip.kind, synthetic.sound)(clip)
    if made is None:
        return None
    heard = made if clip.use != "train" else _changed(clip, made)
    return np.pad(heard, (0, max(0, _LEAST_SAMPLES - len(heard))))


def _changed(clip: Clip, made: Samples) -> Samples:
    rng = clip.rng()
    if rng.random() < _UNTOUCHED_SHARE or clip.kind == "made":
        return made
    if clip.language == NOBODY:
        return augment(made, rng, 0.4)
    if rng.random() < 0.6:
        made = faster(made, rng.uniform(0.88, 1.15))
    if rng.random() < 0.25:
        made = _before_others(clip, made, rng.uniform(3, 25))
    if rng.random() < _LINE_SHARE:
        made = through_a_line(made, rng)
    return augment(made, rng, 0.8)


def _before_others(clip: Clip, made: Samples, snr_db: float) -> Samples:
    """Somebody speaks while something else is heard."""
    behind = nobody.recorded(Clip("train", "sound", NOBODY, clip.speaker, clip.rng().randrange(10_000)))
    if behind is None:
        return made
    repeated = np.resize(behind, len(made))
    return at_snr(made, repeated / max(float(repeated.std()), 1e-4), snr_db)


def encoded(chosen: list[Clip], encoder: Encoder) -> Iterator[tuple[Clip, Array]]:
    for clip in chosen:
        heard = sound(clip)
        if heard is not None:
            yield clip, encoder(np.ascontiguousarray(heard, np.float32))


def write(folder: Path, part: int, parts: int) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    encoder = Encoder()
    count = offset = 0
    mine = portion(part, parts)
    with (folder / f"frames-{part}.f16").open("wb") as shard, (folder / f"frames-{part}.jsonl").open("w") as lines:
        for clip, frames in encoded(mine, encoder):
            shard.write(frames.astype(np.float16).tobytes())
            shard.flush()
            lines.write(json.dumps({**asdict(clip), "offset": offset, "length": len(frames)}) + "\n")
            offset, count = offset + len(frames), count + 1
            if count % 200 == 0:
                print(f"{count} of at most {len(mine)}", flush=True)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.training.heads.encoding", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    count = write(options.folder, options.part, options.parts)
    print(f"{count} clips")


if __name__ == "__main__":
    main()
