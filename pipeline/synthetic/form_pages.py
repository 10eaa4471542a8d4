"""The structures of form pages that are more than an arrangement of labels and values.

Every structure is a function of a pen, the facts by kind, and the y where it begins; it writes the part of
the page that names the patient, and returns the y below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pipeline.synthetic.form_blocks import FormPen
from pipeline.synthetic.form_cards import (
    addressograph_labeled,
    addressograph_plain,
    dictation_header,
    emr_banner,
    insurance_card,
    letter,
    page_footer,
    wristband,
)
from pipeline.synthetic.form_claims import claim_boxes, institutional_claim
from pipeline.synthetic.form_parts import Facts
from pipeline.synthetic.form_sections import (
    billing_statement,
    history_columns,
    laboratory_head,
    prior_authorization,
    sidebar,
    specimen_label,
    split_name,
)
from pipeline.synthetic.form_slips import (
    certificate,
    consent_sentence,
    growth_chart,
    message_slip,
    monitor_strip,
    prescription,
    run_sheet,
    window_letter,
)

Structure: TypeAlias = Callable[[FormPen, Facts, int], int]

STRUCTURES: dict[str, Structure] = {
    "addressograph_plain": addressograph_plain,
    "addressograph_labeled": addressograph_labeled,
    "wristband": wristband,
    "emr_banner": emr_banner,
    "page_footer": page_footer,
    "dictation_header": dictation_header,
    "letter": letter,
    "insurance_card": insurance_card,
    "claim_boxes": claim_boxes,
    "institutional_claim": institutional_claim,
    "history_columns": history_columns,
    "laboratory_head": laboratory_head,
    "specimen_label": specimen_label,
    "sidebar": sidebar,
    "split_name": split_name,
    "prior_authorization": prior_authorization,
    "billing_statement": billing_statement,
    "certificate": certificate,
    "consent_sentence": consent_sentence,
    "growth_chart": growth_chart,
    "message_slip": message_slip,
    "monitor_strip": monitor_strip,
    "prescription": prescription,
    "run_sheet": run_sheet,
    "window_letter": window_letter,
}
"""How whole pages name their patient, by name."""
