"""`make gpu`: what the models do on an NVIDIA GPU, compared with their answers on the CPU, and what they cost there.

`python -m tests.gpu` is the job, on a machine that has all it needs. `tests.gpu.package` makes of the same files a
package for a machine without a network, and `--dry` runs everything but the card.
"""
