"""Distances between a reference and a current window. Each reads sketches, never raw calls, and no clock.

A new one: a file here, its test, a line in this list.
"""

from monitor.registry import Registry

DETECTORS = Registry(
    "drift detector",
    {
        "wasserstein": "monitor.drift.detectors.wasserstein.Wasserstein",
        "wasserstein_raw": "monitor.drift.detectors.wasserstein_raw.RawWasserstein",
        "mean_shift": "monitor.drift.detectors.mean_shift.MeanShift",
        "ks": "monitor.drift.detectors.ks.KolmogorovSmirnov",
        "psi": "monitor.drift.detectors.psi.PopulationStability",
        "chi_square": "monitor.drift.detectors.chi_square.ChiSquare",
        "energy": "monitor.drift.detectors.energy.Energy",
        "mmd": "monitor.drift.detectors.mmd.Discrepancy",
        "classifier": "monitor.drift.detectors.classifier.Classifier",
        "jensen_shannon": "monitor.drift.detectors.jensen_shannon.JensenShannon",
        "embedding_mmd": "monitor.drift.detectors.embedding_mmd.EmbeddingDiscrepancy",
        "embedding_energy": "monitor.drift.detectors.embedding_energy.EmbeddingEnergy",
        "embedding_classifier": "monitor.drift.detectors.embedding_classifier.EmbeddingClassifier",
        "embedding_distance": "monitor.drift.detectors.embedding_distance.EmbeddingDistance",
    },
)


def choices() -> list[tuple[str, str]]:
    """For the model's field; migrations record this function, not the names."""
    return DETECTORS.choices()
