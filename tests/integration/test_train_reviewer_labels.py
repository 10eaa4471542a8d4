"""`train` learns from reviewers' decisions, and never replaces a model by a worse one."""

from __future__ import annotations

from dataclasses import replace

from pipeline.classify.training.boundary_training import build_case
from pipeline.classify.training.metrics import Prediction, compute_metrics
from pipeline.classify.training.reviewer_labels import reviewed_examples, settled_stacks
from pipeline.classify.training.type_training import TrainingResult
from pipeline.classify.type_model import load_model
from pipeline.index import document_actions
from tests.integration.test_review_decisions import context_of
from tests.support.hospital import Hospital


def test_only_documents_that_a_reviewer_filed_are_examples_with_the_reviewers_type(
    hospital: Hospital,
) -> None:
    item = hospital.uncertain_item()
    assert reviewed_examples(hospital.connection) == []
    document_actions.file_document(
        hospital.connection,
        context_of(hospital, item),
        patient=hospital.patient_ids[0],
        type="transfer_summary",
        fields={},
    )
    (example,) = reviewed_examples(hospital.connection)
    assert example.type == "transfer_summary"
    assert example.real
    assert example.text


def test_a_scan_is_an_example_as_it_is_split_once_the_last_of_its_documents_is_filed(
    hospital: Hospital,
) -> None:
    item = hospital.uncertain_item()
    assert list(settled_stacks(hospital.connection)) == []
    document_actions.file_document(
        hospital.connection,
        context_of(hospital, item),
        patient=hospital.patient_ids[0],
        type="transfer_summary",
        fields={},
    )
    (stack,) = settled_stacks(hospital.connection)
    pages = hospital.connection.execute("select pages from document where status = 'filed'").fetchall()
    assert stack.documents == tuple(tuple(row["pages"]) for row in pages)
    assert {page.number for page in stack.pages} >= set(stack.documents[0])
    case = build_case(stack, generated=False)
    assert len(case.starts) == len(case.pages) - 1


def test_a_model_that_is_worse_on_the_holdout_documents_is_not_used() -> None:
    good = compute_metrics(
        [Prediction(id=str(i), truth="a", predicted="a", probability=0.9) for i in range(4)]
    )
    bad = compute_metrics(
        [Prediction(id=str(i), truth="a", predicted="a" if i else "b", probability=0.9) for i in range(4)]
    )
    trained = TrainingResult(model=load_model(), folds=good, predictions=(), new=bad, old=good)
    assert not trained.better
    assert replace(trained, new=good, old=bad).better
    assert replace(trained, old=None).better
