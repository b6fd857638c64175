"""How a recogniser of six languages is trained on Moonshine's encoder; docs/models.md tells how far it got.

It is not served. Gathering and speaking need Debian's espeak-ng, festival, festvox-italp16k and festvox-itapc16k and
run in .venv-export; so does training, but without a GPU it gets nowhere. What it makes on the way lies in var/tongues;
all but the shards is small enough to be taken to another machine.

    python -m export.training.tongues.gathering
    python -m export.training.tongues.speaking --hours 110 &
    python -m export.training.tongues.training --run B --kept 3 --added 2 --seconds 245
    python -m export.training.tongues.evaluation --run B
"""
