"""The bundled speech recogniser's recipe, from its grammar to its accuracy report.

It runs in an environment of its own (python3.11 -m venv .venv-export, export/requirements.txt) and needs Debian's
espeak-ng flite festival festlex-cmu festlex-poslex festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts
festvox-italp16k festvox-itapc16k. What it makes on the way lies in var/asr.

    for seed in 1 2 3 4 5 6 7; do python -m export.training.synthesis --kind train --seed $seed; done
    for seed in 1 2 3 4; do python -m export.training.synthesis --kind jumbles --seed $seed; done
    python -m export.training.synthesis --kind dev --count 120
    python -m export.training.training --steps 6000 [--resume]
    python -m export.training.evaluation --bundle
"""
