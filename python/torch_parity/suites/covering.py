"""Few cases in which all options meet: covering arrays, found greedily and always the same."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Factors = Mapping[str, Sequence[Any]]
Ints = npt.NDArray[np.int64]

#: Of rows, by the name of a factor an array of its values: which of them are possible.
Possible = Callable[[Mapping[str, npt.NDArray[Any]]], npt.NDArray[np.bool_]]


def covering(
    factors: Factors, together: Sequence[tuple[str, ...]], possible: Possible
) -> list[dict[str, Any]]:
    """Rows in which each two values of different factors meet, and the values of each group of
    `together`, wherever any possible row has them both.

    possible: of all combinations, by the name of a factor an array of its values.
    """
    names = list(factors)
    sizes = [len(factors[name]) for name in names]
    every = np.indices(sizes).reshape(len(names), -1)
    values = {
        name: np.array(list(factors[name]), dtype=object)[every[i]] for i, name in enumerate(names)
    }
    rows = every[:, possible(values)]
    groups = [*combinations(names, 2), *together]
    # Each combination of values of a group has a number of its own.
    targets = np.empty((rows.shape[1], len(groups)), np.int64)
    offset = 0
    for g, group in enumerate(groups):
        places = [names.index(name) for name in group]
        number = np.zeros(rows.shape[1], np.int64)
        for place in places:
            number = number * sizes[place] + rows[place]
        targets[:, g] = number + offset
        offset += int(np.prod([sizes[place] for place in places]))
    missing = np.zeros(offset, bool)
    missing[targets] = True
    chosen: list[dict[str, Any]] = []
    while missing.any():
        # The first that is missing, and of the rows that have it the one with most others.
        wanted = int(np.argmax(missing))
        having = np.nonzero((targets == wanted).any(axis=1))[0]
        best = having[int(np.argmax(missing[targets[having]].sum(axis=1)))]
        missing[targets[best]] = False
        chosen.append({name: factors[name][int(rows[i, best])] for i, name in enumerate(names)})
    return chosen
