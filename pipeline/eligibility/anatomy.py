"""Words by which headers name body parts and views: which mean a frontal chest, which do not.

This module must not know where a text came from. A word on neither list means "not known".
"""

import re
from enum import StrEnum
from typing import Final


class Meaning(StrEnum):
    """What a text says of a question with the answers yes, no and nothing."""

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"


# PS3.16 Annex L, and the languages in which modalities are set up: BodyPartExamined is free text
# in practice. Stems, since THORAX, THORACIC and TORAKS share one.
_CHEST: Final = re.compile(
    r"CHEST|THORA[XCK]|TORA[XCK]|TÓRAX|LUNG|POUMON|PULM|BABYGRAM|ГРУДН|ЛЕГК|胸|肺"
)
_THORACIC_SPINE: Final = re.compile(r"THORACIC SPINE|THORACOLUMBAR|SPINE,? THORA|胸椎")
# PS3.16 Annex L, the defined terms of what is radiographed besides the chest. Ribs, sternum and
# clavicles are here: an exposure for bone shows the lungs in another way than the training set.
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
# PS3.3 C.8.11.5 and PS3.16 CID 4010. A decubitus film is frontal to the beam but not to gravity:
# fluid and air lie elsewhere, and nothing of the kind was in training.
_NOT_FRONTAL: Final = re.compile(
    r"\b(LL|RL|LLD|RLD|LLO|RLO|LAO|RAO|LPO|RPO|LAT|LT?LAT|RT?LAT|LAT[EÉ]RAL\w*|SEITLICH\w*|PROFIL\w*"
    r"|OBLIQUE|OBL|DECUB\w*|AXIAL|TANGENTIAL|LORDOTIC|MLO|CC|ML|LM|XCCL|SAGITTAL)\b"
)


def names_chest(text: str) -> Meaning:
    """Judge whether a text names the chest; one that names it with other parts counts as chest."""
    upper = text.upper().replace("_", " ")
    if _THORACIC_SPINE.search(upper):
        return Meaning.NO
    if _CHEST.search(upper):
        return Meaning.YES
    return Meaning.NO if _OTHER_PART.search(upper) else Meaning.UNKNOWN


def names_frontal_view(text: str) -> Meaning:
    """Judge whether a text names a frontal view (PA, AP); both kinds together say nothing."""
    upper = text.upper().replace("_", " ")
    frontal = bool(_FRONTAL.search(upper))
    other = bool(_NOT_FRONTAL.search(upper))
    if frontal == other:
        return Meaning.UNKNOWN
    return Meaning.YES if frontal else Meaning.NO
