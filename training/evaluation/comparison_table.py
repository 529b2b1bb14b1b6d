"""Formats comparisons of runs as Markdown tables, for the documentation.

This module must not know how anything was measured.
"""

from collections.abc import Sequence

from training.evaluation.compare import Comparison
from training.evaluation.stress import LUNGS_ALONE, PERTURBATIONS, WITHOUT_LUNGS, Stress


def tabulate(comparisons: Sequence[Comparison]) -> str:
    """Give comparisons as a Markdown table, one line per run."""
    sources = sorted({source for comparison in comparisons for source in comparison.outside})
    under_stress = any(comparison.stressed for comparison in comparisons)
    rows = [
        ["run", "network", "missed", "false alarms", "accuracy"]
        + [f"AUC {source}" for source in sources]
        + (["largest fall", "without lungs", "lungs alone"] if under_stress else [])
    ]
    rows.append(["---"] * len(rows[0]))
    for comparison in comparisons:
        confusion = comparison.confusion
        at_home = ["", "", ""]
        if confusion:
            at_home = [
                str(confusion.false_negative),
                str(confusion.false_positive),
                f"{confusion.accuracy:.3f}",
            ]
        outside = [comparison.outside[source] for source in sources]
        aucs = [f"{each.auc:.4f}{'*' * each.unseen}" for each in outside]
        falls = _describe_stress(comparison.stressed) if under_stress else []
        rows.append([comparison.run, comparison.network, *at_home, *aucs, *falls])
    return _to_markdown(rows)


def tabulate_views(comparisons: Sequence[Comparison]) -> str:
    """Give the AUC within each view as a Markdown table, one line per run, source and view."""
    rows = [["run", "source", "view", "ill", "healthy", "AUC"], ["---"] * 6]
    rows += [
        [comparison.run, source, view, str(result.ill), str(result.healthy), f"{result.auc:.3f}"]
        for comparison in comparisons
        for source, outside in comparison.outside.items()
        for view, result in outside.by_view.items()
    ]
    return _to_markdown(rows)


def _to_markdown(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _describe_stress(stressed: Sequence[Stress]) -> list[str]:
    results = {result.perturbation: result for result in stressed}
    worst = max((results[name] for name in PERTURBATIONS), key=lambda result: result.auc_fall)
    blanked = [
        f"{results[name].auc:.3f}" if name in results else ""
        for name in (WITHOUT_LUNGS, LUNGS_ALONE)
    ]
    return [f"{worst.auc_fall:.4f} ({worst.perturbation})", *blanked]
