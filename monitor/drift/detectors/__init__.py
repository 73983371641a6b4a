"""Distances between a reference and a current window. Each reads sketches, never raw calls, and no clock.

A new one: a file here, its test, a line in this list.
"""

from monitor.registry import Registry

DETECTORS = Registry(
    "drift detector",
    {
        "wasserstein": "monitor.drift.detectors.wasserstein.Wasserstein",
        "mean_shift": "monitor.drift.detectors.mean_shift.MeanShift",
        "ks": "monitor.drift.detectors.ks.KolmogorovSmirnov",
        "psi": "monitor.drift.detectors.psi.PopulationStability",
        "energy": "monitor.drift.detectors.energy.Energy",
        "mmd": "monitor.drift.detectors.mmd.Discrepancy",
        "classifier": "monitor.drift.detectors.classifier.Classifier",
        "jensen_shannon": "monitor.drift.detectors.jensen_shannon.JensenShannon",
        "embedding_mmd": "monitor.drift.detectors.embedding_mmd.EmbeddingDiscrepancy",
        "embedding_classifier": "monitor.drift.detectors.embedding_classifier.EmbeddingClassifier",
        "embedding_distance": "monitor.drift.detectors.embedding_distance.EmbeddingDistance",
    },
)


def choices() -> list[tuple[str, str]]:
    """For the model's field; migrations record this function, not the names."""
    return DETECTORS.choices()
