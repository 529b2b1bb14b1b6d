"""Recognises body parts and views in header texts: a frontal chest, something else, or unknown.

This module must not know which attribute a text came from.
"""

import re
from enum import StrEnum
from typing import Final


class Meaning(StrEnum):
    """Whether a text names what is asked for, something else, or neither."""

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"


# PS3.16 Annex L, and the languages in which modalities are set up: Body Part Examined is free text
# in practice. Stems of words, so that THORAX, THORACIC and TORAKS all match.
_CHEST: Final = re.compile(
    r"CHEST|THORA[XCK]|TORA[XCK]|TÓRAX|LUNG|POUMON|PULM|BABYGRAM|ГРУДН|ЛЕГК|胸|肺"
)
_THORACIC_SPINE: Final = re.compile(r"THORACIC SPINE|THORACOLUMBAR|SPINE,? THORA|胸椎")
# PS3.16 Annex L, the defined terms of what is radiographed besides the chest. Ribs, sternum and
# clavicles are among them: exposed for bone, the lungs look unlike those of the training set.
_OTHER_PART: Final = re.compile(
    r"\b(ABDOMEN|ABDOMINAL|ANKLE|ARM|BLADDER|BREAST|BUTTOCK|CALCANEUS|CALF|CERVIX|CLAVICLE|COCCYX"
    r"|COLON|DUODENUM|ELBOW|ESOPHAGUS|EXTREMITY|EYE|FEMUR|FINGER|FOOT|FOREARM|GALLBLADDER|HAND"
    r"|HEAD|HEADNECK|HIP|HUMERUS|JAW|KIDNEY|KNEE|KUB|LEG|LIVER|MANDIBLE|MAXILLA|NECK|NOSE|ORBIT"
    r"|PELVIS|RADIUS|RIBS?|SACRUM|SCAPULA|SCROTUM|SHOULDER|SINUS|SINUSES|SKULL|[CLST]?[- ]?SPINE"
    r"|STERNUM|STOMACH|TEETH|THIGH|THUMB|TIBIA|TOE|TOOTH|ULNA|UTERUS|WRIST)\b"
)
_FRONTAL: Final = re.compile(
    r"\b(AP|PA|FRONTAL|ANTERO-? ?POSTERIOR|POSTERO-? ?ANTERIOR)\b|\b[AP]\.[AP]\."
)
# PS3.3 C.8.11.5 and PS3.16 CID 4010. A decubitus view is frontal, but the child lies on one side:
# fluid and air are elsewhere, and the training set had no such image.
_NOT_FRONTAL: Final = re.compile(
    r"\b(LL|RL|LLD|RLD|LLO|RLO|LAO|RAO|LPO|RPO|LAT|LT?LAT|RT?LAT|LAT[EÉ]RAL\w*|SEITLICH\w*|PROFIL\w*"
    r"|OBLIQUE|OBL|DECUB\w*|AXIAL|TANGENTIAL|LORDOTIC|MLO|CC|ML|LM|XCCL|SAGITTAL)\b"
)


def names_chest(text: str) -> Meaning:
    """Return whether a text names the chest; YES also where it names other parts besides."""
    upper = text.upper().replace("_", " ")
    if _THORACIC_SPINE.search(upper):
        return Meaning.NO
    if _CHEST.search(upper):
        return Meaning.YES
    return Meaning.NO if _OTHER_PART.search(upper) else Meaning.UNKNOWN


def names_frontal_view(text: str) -> Meaning:
    """Return whether a text names a frontal view (PA, AP); UNKNOWN where it names both kinds."""
    upper = text.upper().replace("_", " ")
    frontal = bool(_FRONTAL.search(upper))
    other = bool(_NOT_FRONTAL.search(upper))
    if frontal == other:
        return Meaning.UNKNOWN
    return Meaning.YES if frontal else Meaning.NO
