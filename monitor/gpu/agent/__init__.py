"""The process that reads a host's cards and pushes them: reader, spool on disk, sender.

``python -m monitor.gpu.agent`` needs only nvidia-ml-py and cramjam, and no module in here may import more. Where
all of Vigil is installed, ``monitor/gpu/local.py`` runs the same agent into the store.
"""
