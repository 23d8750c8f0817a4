"""The job of Kubernetes is of the form that its API has."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

JOB = Path(__file__).parents[2] / "ci/shards/kubernetes.yaml"
API = "1.31"


def test_is_of_the_form_of_the_api() -> None:
    kubernetes_validate.validate(yaml.safe_load(JOB.read_text()), API, strict=True)


def test_a_key_that_there_is_not_is_refused() -> None:
    job = yaml.safe_load(JOB.read_text())
    job["spec"]["completionsMode"] = job["spec"].pop("completionMode")
    with pytest.raises(kubernetes_validate.ValidationError, match="completionsMode"):
        kubernetes_validate.validate(job, API, strict=True)
