"""How the heads of export/heads are trained: on synthesized speech, on people's recordings, and on sounds without any.

It runs in .venv-export, like the recogniser's training, and needs Debian's espeak-ng, flite, festival, festvox-italp16k
and festvox-itapc16k. What it makes on the way lies in var/heads.

    for part in 0 1; do python -m export.training.heads.encoding --part $part --parts 2; done
    python -m export.training.heads.training
    python -m export.training.heads.evaluation --bundle
"""
