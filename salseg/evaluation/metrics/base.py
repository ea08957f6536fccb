"""What metrics of sets of frames share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from mmengine.evaluator import BaseMetric

from salseg.errors import DataError
from salseg.evaluation.protocols import Protocol as EvaluationProtocol
from salseg.evaluation.tasks import Known

# What stands in a table in place of the metrics of a test set that is not on this machine.
NOT_HERE = 'not here'


class Named(Protocol):
    """Whatever has a name, as protocols have."""

    @property
    def name(self) -> str: ...


def metric_key(protocols: Sequence[Named], rules: Named, dataset: str, column: str) -> str:
    """Name of a metric of a test: ``<set>/<column>``, or ``<set>/<protocol>/<column>`` of all protocols but the first."""
    return f'{dataset}/{column}' if rules.name == protocols[0].name else f'{dataset}/{rules.name}/{column}'


class SetMetric(BaseMetric):
    """One record per item, whatever the number of its frames; the number of records is checked.

    The library cuts the gathered records to the size of the data set without a word, so a metric that adds a record per
    frame would lose most of them.
    """

    # Metrics keep their plain names; without this the library warns that there is no prefix.
    default_prefix = ''

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of test sets that are not here, and have a row that says so."""
        return tuple((self.dataset_meta or {}).get('absent', ()))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather the records of all processes and compute the metrics.

        Args:
            size: Items of the data set.

        Raises:
            DataError: There are fewer records than items.
        """
        self._expected = size
        return super().evaluate(size)

    def add_curves(self) -> None:
        """Compute what the curves of a report need too; the columns of the table stay as they are."""

    def reports(self, dataset: str) -> Iterator[tuple[EvaluationProtocol, Known]]:
        """Of a data set that was evaluated, each protocol by which its files can be scored, and the scores by unit of work."""
        raise TypeError(f'{type(self).__name__} must define reports')

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Check the count, then compute."""
        if len(results) != self._expected:
            raise DataError(
                f'{type(self).__name__} holds {len(results)} records for {self._expected} items: it was given a part '
                'of the data set only, or process() did not add one record per item.'
            )
        return self.summarise(results)

    def summarise(self, records: Sequence[Any]) -> dict[str, float]:
        """Metrics from the records of all items."""
        raise TypeError(f'{type(self).__name__} must define summarise')

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Add one record per item."""
        self.results.extend(self.record(sample) for sample in data_samples)

    def record(self, sample: Mapping[str, Any]) -> Any:
        """What is kept of one item."""
        raise TypeError(f'{type(self).__name__} must define record')
